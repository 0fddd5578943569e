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

/// The file with the keys of an installation. Each kind of key is a member of its own, which only its owner
/// understands.
#[derive(Clone)]
pub struct KeyFile {
    path: PathBuf,
    is_ours: bool,
    /// The sealing keys that the file had at first. A file with none of them belongs to another installation.
    sealing: Arc<[SealingKey]>,
}

/// Timeout for the lock. A change takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The member with the sealing keys, which belongs to this crate.
const SEALING: &str = "sealing";

/// The version of a key file. It changes whenever the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion(SystemTime, u64);

impl KeyFile {
    /// `is_ours`: the file is in the data directory, so the process may change it unasked.
    pub(crate) fn new(path: &Path, is_ours: bool, sealing: &[SealingKey]) -> Self {
        Self { path: path.to_owned(), is_ours, sealing: sealing.into() }
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the process may change the file unasked. It may not change a file that was given from outside.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// The present version of the file.
    ///
    /// # Errors
    /// When the file is missing, or its metadata cannot be read.
    pub fn edition(&self) -> Result<FileVersion, KeysError> {
        let about = fs::metadata(&self.path).and_then(|about| Ok(FileVersion(about.modified()?, about.len())));
        about.map_err(|cause| file::unreadable(&self.path, cause))
    }

    /// Reads one kind of key, if there are any.
    ///
    /// # Errors
    /// When the file cannot be read, or the member has another form.
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, KeysError> {
        self.members()?.get(name).map(|raw| self.parse(name, raw)).transpose()
    }

    /// Changes one kind of key and leaves all others as they are. Simultaneous changes run one after the other, each
    /// on the result of the one before. The file is replaced whole, or not at all.
    ///
    /// # Errors
    /// The change's own error, or an error of reading or writing the file.
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
        // Do not use serde's sentence: it quotes the text that it found.
        serde_json::from_str(raw.get()).map_err(|_| KeysError::Malformed {
            path: self.path.clone(),
            why: format!("its member {name} has the wrong form"),
        })
    }

    fn exchange(&self, members: &BTreeMap<String, Box<RawValue>>) -> io::Result<()> {
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        serde_json::to_writer_pretty(&mut *text, members)?;
        text.push(b'\n');
        let draft = self.path.with_extension("tmp");
        // A killed process may have left it behind. This process holds the lock, so no other one writes it now.
        let _ = fs::remove_file(&draft);
        file::write_private(&draft, &text)?;
        fs::rename(&draft, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}
