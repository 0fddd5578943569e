use crate::file::{self, StoredKey, text};
use crate::{KeysError, SealingKey};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use zeroize::Zeroizing;

/// The file with the keys of an installation. Each kind of keys is a member of its own, which its
/// owner alone understands.
#[derive(Clone)]
pub struct KeyFile {
    path: PathBuf,
    is_ours: bool,
    /// The sealing keys that it had at first. A file without any of them is another installation's.
    sealing: Arc<[SealingKey]>,
}

/// For the lock: a change takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The member with the sealing keys, which is this crate's.
const SEALING: &str = "sealing";

/// Which version of a key file was read: another one when somebody has written it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion(SystemTime, u64);

impl KeyFile {
    /// `is_ours` when it lies in a data directory of Roster's, which may change it unasked.
    pub(crate) fn new(path: &Path, is_ours: bool, sealing: &[SealingKey]) -> Self {
        Self { path: path.to_owned(), is_ours, sealing: sealing.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it may be changed unasked. A file that was given from outside may not.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Its edition now.
    ///
    /// # Errors
    /// When it is not there, or cannot be asked.
    pub fn edition(&self) -> Result<FileVersion, KeysError> {
        let about = fs::metadata(&self.path).and_then(|about| Ok(FileVersion(about.modified()?, about.len())));
        about.map_err(|cause| file::unreadable(&self.path, cause))
    }

    /// One kind of keys, if there are any.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else under that name.
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, KeysError> {
        self.members()?.get(name).map(|raw| self.parse(name, raw)).transpose()
    }

    /// Changes one kind of keys; all others stay as they are. Of several who do so at once each
    /// builds on what the one before has left. The file is exchanged whole, or not at all.
    ///
    /// # Errors
    /// The change's own, or when the file cannot be read or written.
    pub fn change<T: Serialize + DeserializeOwned, E: From<KeysError>>(
        &self,
        name: &str,
        change: impl FnOnce(Option<T>) -> Result<T, E>,
    ) -> Result<(), E> {
        let unwritable = |cause| KeysError::NotChanged { path: self.path.clone(), cause };
        let lock = private_files::lock(&self.path.with_extension("lock"), PATIENCE);
        let lock = lock.map_err(|cause| KeysError::Locked { path: self.path.clone(), cause })?;
        let mut members = self.members()?;
        let old = members.get(name).map(|raw| self.parse(name, raw)).transpose()?;
        let new = to_raw_value(&change(old)?).map_err(|error| unwritable(error.into()))?;
        members.insert(name.to_owned(), new);
        let written = self.exchange(&members).map_err(unwritable);
        drop(lock);
        Ok(written?)
    }

    fn members(&self) -> Result<BTreeMap<String, Box<RawValue>>, KeysError> {
        let (text, _) = text(&self.path).map_err(|cause| file::unreadable(&self.path, cause))?;
        let members = serde_json::from_slice(&text).map_err(|error| file::malformed(&self.path, &error))?;
        self.see_that_it_is_the_same(&members)?;
        Ok(members)
    }

    fn see_that_it_is_the_same(&self, members: &BTreeMap<String, Box<RawValue>>) -> Result<(), KeysError> {
        let found: Vec<StoredKey> =
            members.get(SEALING).map(|raw| self.parse(SEALING, raw)).transpose()?.unwrap_or_default();
        if found.iter().any(|entry| self.sealing.iter().any(|key| key.public == entry.public)) {
            return Ok(());
        }
        let names = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(", ");
        Err(KeysError::Replaced {
            path: self.path.clone(),
            found: names(&mut found.iter().map(|entry| &*entry.kid)),
            before: names(&mut self.sealing.iter().map(|key| &*key.kid)),
        })
    }

    fn parse<T: DeserializeOwned>(&self, name: &str, raw: &RawValue) -> Result<T, KeysError> {
        // Never serde's sentence: it quotes what it found.
        serde_json::from_str(raw.get()).map_err(|_| KeysError::Malformed {
            path: self.path.clone(),
            why: format!("its member {name} is not as it should be"),
        })
    }

    fn exchange(&self, members: &BTreeMap<String, Box<RawValue>>) -> io::Result<()> {
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer_pretty(&mut *text, members)?;
        text.push(b'\n');
        let draft = self.path.with_extension("tmp");
        // Left behind by somebody who was killed: the lock is ours, so nobody writes it now.
        let _ = fs::remove_file(&draft);
        file::write_private(&draft, &text)?;
        fs::rename(&draft, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}
