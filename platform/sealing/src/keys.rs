use crate::{
    KeyFile, Opener, Sealer,
    file::{self, KeyDocument, StoredKey},
    suite::{Labels, PrivateKey, PublicKey, SUITE, decode, encode},
};
use kernel::{Secret, Timestamp};
use private_files::{Exposure, LockError};
use rustls::crypto::hpke::{HpkePrivateKey, HpkePublicKey};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The name of the key file in a data directory.
const FILE: &str = "keys.json";

/// The keys of an installation: the active one, which seals, and all that can still open.
///
/// Dropping it wipes the private keys from memory.
pub struct Keys {
    file: KeyFile,
    exposure: Exposure,
    sealing: Vec<SealingKey>,
    active: (String, PublicKey),
    private: Vec<(String, PrivateKey)>,
}

/// A key that seals now, or has sealed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingKey {
    pub kid: String,
    /// The public half, in base64url.
    pub public: String,
}

/// Why the keys could not be loaded or changed. The error never quotes the file, because the wrong text may be a key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The given file does not exist.
    #[error("the key file {path} does not exist: put the one of the installation there, from a backup or another node")]
    Missing { path: PathBuf },
    /// The file or its directory cannot be read.
    #[error("the key file {path} cannot be read ({cause}): it must be a file that the user of this process can read")]
    Unreadable { path: PathBuf, cause: io::Error },
    /// The file did not exist, and could not be created.
    #[error("the key file {path} cannot be created ({cause}): its directory must be one that this process can write")]
    NotCreated { path: PathBuf, cause: io::Error },
    /// The file could not be changed.
    #[error("the key file {path} cannot be changed ({cause}): its directory must be one that this process can write")]
    NotChanged { path: PathBuf, cause: io::Error },
    /// Another process holds the lock for changes.
    #[error("the key file {path} cannot be changed: {cause}")]
    Locked { path: PathBuf, cause: LockError },
    /// The file has the wrong form.
    #[error("the key file {path} cannot be used: {why}; restore it from a backup, because it is never overwritten")]
    Malformed {
        path: PathBuf,
        /// What is wrong, by line or by the key's position.
        why: String,
    },
    /// The file was replaced by that of another installation.
    #[error(
        "the key file {path} has been replaced by another installation's: its sealing key is {found}, and was {before}; \
         put the earlier file back"
    )]
    Replaced {
        path: PathBuf,
        /// The names of the sealing keys in the present file.
        found: String,
        /// The names of the sealing keys in the earlier file.
        before: String,
    },
    /// The process must open secrets that were sealed to the active key, but has no private key for that.
    #[error("the key file {path} has no private key for its active sealing key, which a worker needs")]
    NoPrivateKey { path: PathBuf },
}

impl Keys {
    /// Reads the keys of a data directory. Creates nothing.
    ///
    /// # Errors
    /// When the file is missing, cannot be read or is not a key file.
    pub fn of_directory(directory: &Path) -> Result<Self, KeysError> {
        Self::read(&directory.join(FILE), true)
    }

    /// Reads the keys of a data directory. The first start creates the directory (mode 0700) and the keys (mode
    /// 0600). When several processes start at once, all get the same keys.
    ///
    /// # Errors
    /// When the file can neither be read nor created, or is not a key file. It is never overwritten.
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

    /// Reads the keys of a file that this process does not manage: it is never created and never changed.
    ///
    /// # Errors
    /// When it is missing, cannot be read or is not a key file.
    pub fn from_file(path: &Path) -> Result<Self, KeysError> {
        Self::read(path, false)
    }

    /// The file that the keys were read from.
    #[must_use]
    pub const fn file(&self) -> &KeyFile {
        &self.file
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn active(&self) -> &str {
        &self.active.0
    }

    /// The ids of all keys, and whether each is the one that seals.
    pub fn kids(&self) -> impl Iterator<Item = (&str, bool)> {
        self.sealing.iter().map(|key| (key.kid.as_str(), key.kid == self.active.0))
    }

    /// All keys, by their public halves.
    #[must_use]
    pub fn sealing(&self) -> &[SealingKey] {
        &self.sealing
    }

    /// Which other users of this machine can read the private keys.
    #[must_use]
    pub fn exposure(&self) -> Exposure {
        self.exposure
    }

    /// The sealing half, for the edge.
    #[must_use]
    pub fn sealer(&self, labels: Labels) -> Sealer {
        let (kid, public) = self.active.clone();
        Sealer::new(kid, public, labels)
    }

    /// The opening half, for a worker.
    ///
    /// # Errors
    /// When the private half of the active key is not in the file.
    pub fn opener(&self, labels: Labels) -> Result<Opener, KeysError> {
        if !self.private.iter().any(|(kid, _)| *kid == self.active.0) {
            return Err(KeysError::NoPrivateKey { path: self.file.path().to_owned() });
        }
        Ok(Opener::new(self.private.clone(), labels))
    }

    fn read(path: &Path, is_ours: bool) -> Result<Self, KeysError> {
        let (document, exposure) = file::read(path)?;
        let malformed = |why| KeysError::Malformed { path: path.to_owned(), why };
        let (mut active, mut private, mut sealing) = (None, Vec::new(), Vec::<SealingKey>::new());
        for (index, entry) in document.sealing.into_iter().enumerate() {
            let wrong = |what: &str| malformed(format!("its sealing key number {} {what}", index + 1));
            let public = usable(&entry.public).ok_or_else(|| wrong("has no usable public key"))?;
            if entry.kid.is_empty() || sealing.iter().any(|key| key.kid == entry.kid) {
                return Err(wrong("has an empty kid, or one that another key has"));
            }
            if let Some(text) = &entry.private {
                let key = matching(text, &public)
                    .ok_or_else(|| wrong("has a private key that does not match its public key"))?;
                private.push((entry.kid.clone(), key));
            }
            if entry.active && active.replace((entry.kid.clone(), public)).is_some() {
                return Err(wrong("is active, although another key is active"));
            }
            sealing.push(SealingKey { kid: entry.kid, public: entry.public });
        }
        let active = active.ok_or_else(|| malformed("none of its sealing keys is active".to_owned()))?;
        let exposure = if private.is_empty() { Exposure::Owner } else { exposure };
        Ok(Self { file: KeyFile::new(path, is_ours, &sealing), exposure, sealing, active, private })
    }
}

/// Parses a public key that can seal: 32 bytes, and not of low order.
fn usable(text: &str) -> Option<PublicKey> {
    let public = HpkePublicKey(decode(text)?);
    SUITE.setup_sealer(b"", &public).ok().map(|_| public)
}

/// Parses a private key, if it opens what is sealed to the public key.
fn matching(text: &Secret, public: &PublicKey) -> Option<PrivateKey> {
    let private = HpkePrivateKey::from(decode(text.expose())?);
    let (enc, ct) = SUITE.seal(b"", b"", b"", public).ok()?;
    SUITE.open(&enc, b"", b"", &ct, &private).ok().map(|_| Arc::new(private))
}

/// Generates a key pair, and the document that holds it. `None` when the system has no randomness.
fn generate() -> Option<(String, KeyDocument)> {
    let (public, private) = SUITE.generate_key_pair().ok()?;
    // The name is as good as random, and can be derived from the public key.
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
