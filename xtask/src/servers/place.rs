//! A directory for one run, and free ports.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

const PREFIX: &str = "roster-";
const LOCK: &str = "lock";

/// A directory for one run. Drop removes it, unless [`Place::keep`] was called.
///
/// The run holds a lock on it. A later run recognises directories of killed runs by the free lock, and removes them.
pub(crate) struct Place {
    directory: PathBuf,
    keep: bool,
    _lock: File,
}

impl Place {
    /// Creates a new directory below `parent`.
    pub(crate) fn below(parent: &Path) -> Result<Place> {
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be created", parent.display()))?;
        remove_abandoned(parent);
        let directory = parent.join(format!("{PREFIX}{}", random_hex(6)?));
        fs::create_dir(&directory).with_context(|| format!("{} cannot be created", directory.display()))?;
        // Other users may pass through to a directory inside, but not list this one.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711))?;
        let lock = File::create(directory.join(LOCK))?;
        lock.try_lock().with_context(|| format!("another process has locked {}", directory.display()))?;
        Ok(Place { directory, keep: false, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    /// Keeps the directory for a person to look into. The next run removes it.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keep {
            remove(&self.directory);
        }
    }
}

/// Removes a directory, also while an ending process still writes to it.
pub(crate) fn remove(directory: &Path) {
    for _ in 0..20 {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(50)),
            _ => return,
        }
    }
}

fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && let Ok(lock) = File::open(entry.path().join(LOCK))
            && lock.try_lock().is_ok()
        {
            remove(&entry.path());
        }
    }
}

/// A free port of the loopback interface, outside the range from which the kernel takes ports for connections.
///
/// Another process may take the port before a server listens there. The caller then has to try another one.
pub(crate) fn free_port() -> Result<u16> {
    for _ in 0..200 {
        let [low, high, ..] = random::<4>()?;
        let port = 20_000 + u16::from_le_bytes([low, high]) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("none of 200 ports between 20000 and 32000 is free")
}

/// `bytes` random bytes in hexadecimal, for names and for passwords.
pub(crate) fn random_hex(bytes: usize) -> Result<String> {
    Ok(random::<32>()?.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect())
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent() -> Result<PathBuf> {
        Ok(std::env::temp_dir().join(format!("xtask-place-{}", random_hex(6)?)))
    }

    #[test]
    fn a_place_is_removed_with_its_guard_unless_it_is_kept() -> Result<()> {
        let parent = parent()?;
        let (gone, mut kept) = (Place::below(&parent)?, Place::below(&parent)?);
        let (gone_path, kept_path) = (gone.path().to_owned(), kept.path().to_owned());
        kept.keep();
        drop((gone, kept));
        assert!(!gone_path.exists());
        assert!(kept_path.exists());
        fs::remove_dir_all(parent)?;
        Ok(())
    }

    #[test]
    fn the_next_run_removes_what_an_ended_one_left_and_spares_what_a_living_one_uses() -> Result<()> {
        let parent = parent()?;
        let (mut ended, living) = (Place::below(&parent)?, Place::below(&parent)?);
        let ended_path = ended.path().to_owned();
        ended.keep();
        drop(ended);
        let _next = Place::below(&parent)?;
        assert!(!ended_path.exists());
        assert!(living.path().exists());
        fs::remove_dir_all(parent)?;
        Ok(())
    }

    #[test]
    fn random_names_differ_and_have_the_length_asked_for() -> Result<()> {
        let (one, other) = (random_hex(6)?, random_hex(6)?);
        assert_eq!(one.len(), 12);
        assert_ne!(one, other);
        Ok(())
    }
}
