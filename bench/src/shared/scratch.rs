//! Directories that are removed with their guards.

use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A new directory. Drop removes it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("roster-bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Not in `/tmp`, which may be a file system in memory: a durable database needs a disk.
        let directory = std::env::current_exe()?.with_file_name(name);
        fs::create_dir(&directory)?;
        Ok(Self(directory))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // An error means that the directory is gone already.
        let _ = fs::remove_dir_all(&self.0);
    }
}
