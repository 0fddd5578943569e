use rustix::process::{getegid, geteuid, getgroups};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Which users can read or change a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposure {
    /// The owner, and a group of this process, if the file is open to it.
    Owner,
    /// A group that this process is not in.
    Group,
    /// Every user of the machine.
    Everyone,
}

/// Advice for an operator when a file is open to more than [`Exposure::Owner`].
pub const REMEDY: &str = "run chmod 600 on it, or 640 if a group of this process reads it";

/// Which users can read or change a file, by its mode.
///
/// A group of this process counts as the owner, because an orchestrator hands over a secret through a group
/// (Kubernetes: `fsGroup`).
#[must_use]
pub fn exposure(about: &Metadata) -> Exposure {
    let groups = getgroups().unwrap_or_default();
    let own = groups.into_iter().chain([getegid()]).any(|group| group.as_raw() == about.gid());
    exposed(about.mode(), own)
}

const fn exposed(mode: u32, is_own_group: bool) -> Exposure {
    match mode {
        mode if mode & 0o006 != 0 => Exposure::Everyone,
        mode if mode & 0o060 != 0 && !is_own_group => Exposure::Group,
        _ => Exposure::Owner,
    }
}

/// Adds the owner and the mode of the file to an error of reading it, if permission was denied.
#[must_use]
pub fn explained(path: &Path, error: io::Error) -> io::Error {
    match (error.kind(), fs::metadata(path)) {
        (io::ErrorKind::PermissionDenied, Ok(about)) => io::Error::new(
            error.kind(),
            format!(
                "it belongs to user {} and group {} with mode {:04o}, and this process runs as user {} in group {}",
                about.uid(),
                about.gid(),
                about.mode() & 0o7777,
                geteuid().as_raw(),
                getegid().as_raw()
            ),
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::{Exposure, exposed};

    #[test]
    fn a_group_of_this_process_counts_as_the_owner() {
        for (mode, own, other) in [
            (0o100_600, Exposure::Owner, Exposure::Owner),
            (0o100_400, Exposure::Owner, Exposure::Owner),
            (0o100_440, Exposure::Owner, Exposure::Group),
            (0o100_660, Exposure::Owner, Exposure::Group),
            (0o100_620, Exposure::Owner, Exposure::Group),
            (0o100_604, Exposure::Everyone, Exposure::Everyone),
            (0o100_644, Exposure::Everyone, Exposure::Everyone),
            (0o100_602, Exposure::Everyone, Exposure::Everyone),
            (0o100_711, Exposure::Owner, Exposure::Owner),
        ] {
            assert_eq!((exposed(mode, true), exposed(mode, false)), (own, other), "{mode:o}");
        }
    }
}
