use crate::{MODE, open};
use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Pause between two tries.
const AGAIN: Duration = Duration::from_millis(25);

/// Why a lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error("{} holds the lock {path}: try again when it has ended", process(*.holder))]
    Held {
        path: PathBuf,
        /// The id of that process, where the system reports it.
        holder: Option<u32>,
    },
    /// The operating system refused the lock.
    #[error("the lock {path} cannot be used: {cause}")]
    Unusable { path: PathBuf, cause: io::Error },
}

fn process(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |id| format!("the process {id}"))
}

/// Locks a file, which is created with mode 0600 if missing. Waits up to `patience`, and blocks the thread.
///
/// # Errors
/// [`LockError`]
pub fn lock(path: &Path, patience: Duration) -> Result<File, LockError> {
    let unusable = |cause| LockError::Unusable { path: path.to_owned(), cause };
    let file = open(path).map_err(unusable)?;
    // An earlier version may have created it with another mode, so that others could lock it. On a file of another
    // owner, the mode stays.
    if file.metadata().is_ok_and(|about| about.mode() & 0o7777 != MODE) {
        let _ = file.set_permissions(Permissions::from_mode(MODE));
    }
    let give_up = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => sleep(AGAIN),
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { path: path.to_owned(), holder: lock_holder(&file) });
            }
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
    }
}

/// The id of the process that has locked a file. Linux reports it for processes of the same PID namespace.
#[must_use]
pub fn lock_holder(file: &File) -> Option<u32> {
    let about = file.metadata().ok()?;
    let device = (rustix::fs::major(about.dev()), rustix::fs::minor(about.dev()));
    holder_in(&fs::read_to_string("/proc/locks").ok()?, device, about.ino())
}

/// Parses `proc_locks(5)`: `1: FLOCK  ADVISORY  WRITE 4567 08:01:2621449 0 EOF`, with `->` before a process that
/// waits.
fn holder_in(locks: &str, device: (u32, u32), inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let [_, "FLOCK", _, _, holder, file, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        let mut parts = file.split(':');
        let mut number = |radix| u64::from_str_radix(parts.next()?, radix).ok();
        let is_it = (number(16)?, number(16)?, number(10)?) == (device.0.into(), device.1.into(), inode);
        // 0 is a process of another PID namespace.
        holder.parse().ok().filter(|id| is_it && *id != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::{LockError, holder_in, lock};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, Instant};

    #[test]
    fn a_held_lock_is_waited_for_until_the_timeout_and_the_error_names_the_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.lock");
        let patience = Duration::from_millis(200);
        let held = lock(&path, patience).unwrap();
        let begun = Instant::now();
        let error = lock(&path, patience).unwrap_err();
        assert!(begun.elapsed() >= patience);
        assert!(matches!(error, LockError::Held { .. }) && error.to_string().contains("keys.lock"), "{error}");
        #[cfg(target_os = "linux")]
        assert!(error.to_string().contains(&format!("the process {} ", std::process::id())), "{error}");
        drop(held);
        lock(&path, patience).unwrap();
    }

    #[test]
    fn a_lock_file_gets_mode_0600_even_if_it_had_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.lock");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        drop(lock(&path, Duration::ZERO).unwrap());
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        drop(lock(&path, Duration::ZERO).unwrap());
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn the_holder_of_a_lock_is_read_from_the_systems_list() {
        let list = "1: POSIX  ADVISORY  WRITE 11 08:01:7 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 08:02:7 0 EOF\n\
                    3: FLOCK  ADVISORY  WRITE 13 fe:10:7 0 EOF\n3: -> FLOCK  ADVISORY  WRITE 14 fe:10:7 0 EOF\n\
                    4: FLOCK  ADVISORY  WRITE 0 08:01:8 0 EOF\nwhat is this\n";
        assert_eq!(holder_in(list, (0xfe, 0x10), 7), Some(13));
        assert_eq!(holder_in(list, (8, 1), 7), None);
        assert_eq!(holder_in(list, (8, 1), 8), None, "one of another namespace");
    }
}
