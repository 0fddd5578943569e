//! The file of an SQLite database, and the lock of the process that serves it.
//!
//! SQLite names the write-ahead log and its index after the database file. Two processes that open one file under two
//! names write two logs and destroy the database. So the lock is on the file itself, whatever its name.

use crate::OpenError;
use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tries to get the lock. The command line holds the lock for a moment while it checks whether a server does.
const MOMENTS: u32 = 10;
const MOMENT: Duration = Duration::from_millis(20);

/// An open database file. It MUST outlive the connections to it: closing any descriptor of a file drops all POSIX locks
/// that the process has on it, SQLite's too.
pub(crate) struct SqliteFile {
    file: File,
    /// The path without symbolic links.
    path: PathBuf,
    /// Further locks, held like that of the file itself while this process serves the file.
    locks: Option<Vec<File>>,
    closing: AtomicBool,
    /// The stamps that the file may have while this process serves it.
    stamps: Mutex<Vec<u32>>,
    /// See [`check_log`](Self::check_log).
    pub(crate) doubt: Option<String>,
}

impl SqliteFile {
    /// Opens the file, or creates an empty one, which SQLite treats as a new database.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let cannot = |error: io::Error| OpenError::Unfit(format!("cannot use {}: {error}", path.display()));
        Self::new(path, private(path).map_err(cannot)?)
    }

    /// Opens an existing file, and changes nothing about it.
    pub(crate) fn open_existing(path: &Path) -> Result<Self, OpenError> {
        let cannot = |error: io::Error| OpenError::Unfit(format!("cannot read {}: {error}", path.display()));
        Self::new(path, File::open(path).map_err(cannot)?)
    }

    fn new(path: &Path, file: File) -> Result<Self, OpenError> {
        let cannot = |error: io::Error| OpenError::Unfit(format!("cannot use {}: {error}", path.display()));
        let found = Self {
            file,
            path: std::fs::canonicalize(path).map_err(cannot)?,
            locks: None,
            closing: AtomicBool::new(false),
            stamps: Mutex::default(),
            doubt: None,
        };
        found.check()?;
        Ok(found)
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn stamps(&self) -> MutexGuard<'_, Vec<u32>> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the watch over the file.
    pub(crate) fn begin_closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// The path for SQLite to open.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process holds the lock to serve the file.
    pub(crate) fn is_served_here(&self) -> bool {
        self.locks.is_some()
    }

    /// Checks that the file has one name, and that this name still leads to it.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let shown = self.path.display();
        let cannot = |error: io::Error| OpenError::Unfit(format!("cannot use {shown}: {error}"));
        let (opened, named) = (self.file.metadata().map_err(cannot)?, std::fs::metadata(&self.path).map_err(cannot)?);
        if !opened.is_file() {
            return Err(OpenError::Unfit(format!("{shown} is no regular file: a database needs one")));
        }
        if identity(&opened) != identity(&named) {
            return Err(OpenError::Unfit(format!("{shown} was replaced by another file while it was being opened")));
        }
        if opened.nlink() > 1 {
            return Err(OpenError::Unfit(format!(
                "{shown} has {} names (hard links), and using two of them destroys the database: remove the other names \
                 (find DIRECTORY -samefile {shown}), or make a copy with sqlite3 .backup",
                opened.nlink()
            )));
        }
        Ok(())
    }

    /// Tries for 200 ms to become the one process that serves the file. Returns whether it has.
    pub(crate) async fn serve(&mut self) -> Result<bool, OpenError> {
        for _ in 0..MOMENTS {
            if self.try_serve()? {
                return Ok(true);
            }
            tokio::time::sleep(MOMENT).await;
        }
        Ok(false)
    }

    /// Like [`serve`](Self::serve), without waiting.
    pub(crate) fn try_serve(&mut self) -> Result<bool, OpenError> {
        let cannot = |error: io::Error| OpenError::Unfit(format!("cannot lock {}: {error}", self.path.display()));
        // On Linux, flock(2) is independent of the POSIX locks that SQLite takes on the same file. On other systems
        // the two conflict, and only the lock beside the file is used.
        if cfg!(target_os = "linux") && !has(self.file.try_lock()).map_err(cannot)? {
            return Ok(false);
        }
        self.locks = self.lock_around().map_err(cannot)?;
        if !self.is_served_here() {
            self.file.unlock().map_err(cannot)?;
        }
        Ok(self.is_served_here())
    }

    /// The id of the process that serves the file, where the system reports it. Earlier versions lock only the file
    /// beside it.
    pub(crate) fn server(&self) -> Option<u32> {
        let beside = || private_files::lock_holder(&File::open(self.beside(".lock")).ok()?);
        private_files::lock_holder(&self.file).or_else(beside)
    }

    fn lock_around(&self) -> io::Result<Option<Vec<File>>> {
        // The lock file of earlier versions.
        let beside = private(&self.beside(".lock"))?;
        if !has(beside.try_lock())? {
            return Ok(None);
        }
        if !cfg!(target_os = "linux") {
            return Ok(Some(vec![beside]));
        }
        let directory = self.directory()?;
        Ok(has(directory.try_lock_shared())?.then(|| vec![beside, directory]))
    }

    /// Refuses a file that another process serves from another directory (a bind mount of the file alone), because
    /// that process has another write-ahead log. A process that serves a file holds a shared lock on its directory.
    pub(crate) fn check_beside(&self) -> Result<(), OpenError> {
        if !cfg!(target_os = "linux") {
            return Ok(());
        }
        // Where the system has no locks, this check is impossible.
        let is_free = |lock: Result<(), TryLockError>| matches!(lock, Ok(()));
        let Ok(directory) = self.directory() else { return Ok(()) };
        let is_unserved_here = is_free(directory.try_lock());
        drop(directory);
        if !is_unserved_here || self.is_served_here() {
            return Ok(());
        }
        match self.file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(OpenError::Unfit(format!(
                "another process serves {} under another name: use the name that it uses",
                self.path.display()
            ))),
            Ok(()) => self.file.unlock().map_err(|error| OpenError::Unfit(error.to_string())),
            Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    fn directory(&self) -> io::Result<File> {
        File::open(self.path.parent().unwrap_or(Path::new("/")))
    }

    /// The path of the file with this suffix beside the database file.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }
}

fn has(lock: Result<(), TryLockError>) -> io::Result<bool> {
    match lock {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub(crate) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Opens an existing file, or creates one that no other user of the machine can read, with the folders above it.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_files::create_folder(folder)?;
    }
    private_files::open(path)
}
