use crate::{
    KeyFile, Opener, Sealer,
    file::{self, KeyDocument, StoredKey},
    suite::{PrivateKey, PublicKey, SUITE, decode, encode},
};
use kernel::{Secret, Timestamp};
use private_files::{Exposure, LockError};
use rustls::crypto::hpke::{HpkePrivateKey, HpkePublicKey};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The file of a data directory that holds the keys.
const FILE: &str = "keys.json";

/// The keys of an installation: one that is sealed to, and all that can still be opened.
///
/// Private keys are wiped from memory when it is dropped.
pub struct Keys {
    file: KeyFile,
    exposure: Exposure,
    sealing: Vec<SealingKey>,
    active: (String, PublicKey),
    private: Vec<(String, PrivateKey)>,
}

/// A key that is sealed to, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingKey {
    /// Its name.
    pub kid: String,
    /// Its public half, in base64url.
    pub public: String,
}

/// Why there are no keys. It never quotes the file: what is wrong may stand where a key should.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The given file does not exist.
    #[error("the key file {path} does not exist: put the one of the installation there, from a backup or another node")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file or its directory cannot be read.
    #[error("the key file {path} cannot be read ({cause}): it must be a file that the user Roster runs as can read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// There was no file yet, and it could not be made.
    #[error(
        "the key file {path} cannot be created ({cause}): ROSTER_DATA_DIR must be a directory that Roster can write"
    )]
    NotCreated {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// It was to be changed, and could not be.
    #[error("the key file {path} cannot be changed ({cause}): its directory must be one that Roster can write")]
    NotChanged {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// Another process is changing it, and does not come to an end.
    #[error("the key file {path} cannot be changed: {cause}")]
    Locked {
        /// The file.
        path: PathBuf,
        /// Who has the lock.
        cause: LockError,
    },
    /// The file is not what it should be.
    #[error("the key file {path} cannot be used: {why}; restore it from a backup, it is never overwritten")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, by line or by the key's position.
        why: String,
    },
    /// Another installation's file has been put in its place.
    #[error(
        "the key file {path} has been replaced by another installation's: its sealing key is {found}, and was {before}; \
         put the file of before back"
    )]
    Replaced {
        /// The file.
        path: PathBuf,
        /// The names of the sealing keys that it has now.
        found: String,
        /// The names of those that it had.
        before: String,
    },
    /// This process must open what was sealed to the active key and cannot.
    #[error("the key file {path} has no private key for its active sealing key, which a worker needs")]
    NoPrivateKey {
        /// The file.
        path: PathBuf,
    },
}

impl Keys {
    /// The keys that a data directory has. Nothing is made.
    ///
    /// # Errors
    /// When the file is missing, cannot be read or is not a key file.
    pub fn of_directory(directory: &Path) -> Result<Self, KeysError> {
        Self::read(&directory.join(FILE), true)
    }

    /// The keys of a data directory. On the first start the directory (mode 0700) and the keys
    /// (mode 0600) are made; when several processes start at once, all get the same ones.
    ///
    /// # Errors
    /// When the file can neither be read nor made, or is not a key file. It is never overwritten.
    pub fn in_directory(directory: &Path) -> Result<Self, KeysError> {
        let path = directory.join(FILE);
        match Self::read(&path, true) {
            Err(KeysError::Missing { .. }) => {}
            found => return found,
        }
        generate()
            .ok_or_else(|| io::Error::other("the system has no randomness"))
            .and_then(|(kid, document)| file::create(directory, &path, &kid, &document))
            .map_err(|cause| KeysError::NotCreated { path: path.clone(), cause })?;
        // Read back, since another process may have been first.
        Self::read(&path, true)
    }

    /// The keys of a file that somebody else looks after: it is never created and never changed.
    ///
    /// # Errors
    /// When it is missing, cannot be read or is not a key file.
    pub fn from_file(path: &Path) -> Result<Self, KeysError> {
        Self::read(path, false)
    }

    /// The file that they were read from.
    #[must_use]
    pub const fn file(&self) -> &KeyFile {
        &self.file
    }

    /// The id of the key that is sealed to.
    #[must_use]
    pub fn active(&self) -> &str {
        &self.active.0
    }

    /// The ids of all keys, and whether each is the one that is sealed to.
    pub fn kids(&self) -> impl Iterator<Item = (&str, bool)> {
        self.sealing.iter().map(|key| (key.kid.as_str(), key.kid == self.active.0))
    }

    /// All keys, by their public halves.
    #[must_use]
    pub fn sealing(&self) -> &[SealingKey] {
        &self.sealing
    }

    /// Who else on this machine can read the private keys.
    #[must_use]
    pub fn exposure(&self) -> Exposure {
        self.exposure
    }

    /// What an edge needs.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        let (kid, public) = self.active.clone();
        Sealer::new(kid, public)
    }

    /// What a worker needs.
    ///
    /// # Errors
    /// When the private half of the active key is not in the file.
    pub fn opener(&self) -> Result<Opener, KeysError> {
        if !self.private.iter().any(|(kid, _)| *kid == self.active.0) {
            return Err(KeysError::NoPrivateKey { path: self.file.path().to_owned() });
        }
        Ok(Opener::new(self.private.clone()))
    }

    fn read(path: &Path, is_ours: bool) -> Result<Self, KeysError> {
        let (document, exposure) = file::read(path)?;
        let malformed = |why| KeysError::Malformed { path: path.to_owned(), why };
        let (mut active, mut private, mut sealing) = (None, Vec::new(), Vec::<SealingKey>::new());
        for (index, entry) in document.sealing.into_iter().enumerate() {
            let wrong = |what: &str| malformed(format!("its sealing key number {} {what}", index + 1));
            let public = usable(&entry.public).ok_or_else(|| wrong("has no usable public key"))?;
            if entry.kid.is_empty() || sealing.iter().any(|key| key.kid == entry.kid) {
                return Err(wrong("has no kid of its own"));
            }
            if let Some(text) = &entry.private {
                let key = matching(text, &public).ok_or_else(|| wrong("has a private key that does not fit"))?;
                private.push((entry.kid.clone(), key));
            }
            if entry.active && active.replace((entry.kid.clone(), public)).is_some() {
                return Err(wrong("is active besides another"));
            }
            sealing.push(SealingKey { kid: entry.kid, public: entry.public });
        }
        let active = active.ok_or_else(|| malformed("none of its sealing keys is active".to_owned()))?;
        let exposure = if private.is_empty() { Exposure::Owner } else { exposure };
        Ok(Self { file: KeyFile::new(path, is_ours, &sealing), exposure, sealing, active, private })
    }
}

/// A public key that can be sealed to: 32 bytes, and not of low order.
fn usable(text: &str) -> Option<PublicKey> {
    let public = HpkePublicKey(decode(text)?);
    SUITE.setup_sealer(b"", &public).ok().map(|_| public)
}

/// The private key that opens what is sealed to the public one.
fn matching(text: &Secret, public: &PublicKey) -> Option<PrivateKey> {
    let private = HpkePrivateKey::from(decode(text.expose())?);
    let (enc, ct) = SUITE.seal(b"", b"", b"", public).ok()?;
    SUITE.open(&enc, b"", b"", &ct, &private).ok().map(|_| Arc::new(private))
}

/// A fresh key pair, and the file that holds it. `None` when the system has no randomness to give.
fn generate() -> Option<(String, KeyDocument)> {
    let (public, private) = SUITE.generate_key_pair().ok()?;
    // As good as random, and whoever has the key can tell its name.
    let kid: String = public.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let entry = StoredKey {
        kid: kid.clone(),
        public: encode(&public.0),
        private: Some(Secret::new(encode(private.secret_bytes()))),
        active: true,
        created_at: Timestamp::now(),
    };
    Some((kid, KeyDocument { version: file::VERSION, sealing: vec![entry] }))
}
