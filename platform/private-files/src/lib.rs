//! Files that hold secrets. They are created for their owner alone, checked for other readers, and locked for a few
//! seconds at most.

mod exposure;
mod lock;

pub use exposure::{Exposure, REMEDY, explained, exposure};
pub use lock::{LockError, lock, lock_holder};

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Only the owner may read and write.
const MODE: u32 = 0o600;

/// Creates a file of mode 0600, whatever the umask. An existing file is an error.
///
/// # Errors
/// The operating system's error.
pub fn create(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).write(true).create_new(true).mode(MODE).open(path)?;
    // A umask may have taken rights from the owner.
    file.set_permissions(Permissions::from_mode(MODE))?;
    Ok(file)
}

/// Opens an existing file as it is, or creates one of mode 0600, whatever the umask.
///
/// # Errors
/// The operating system's error.
pub fn open(path: &Path) -> io::Result<File> {
    match create(path) {
        // `create` again, because the file may have gone meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            File::options().read(true).create(true).append(true).mode(MODE).open(path)
        }
        made => made,
    }
}

/// Creates a folder of mode 0700, and those above it, where they are missing.
///
/// # Errors
/// The operating system's error.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
