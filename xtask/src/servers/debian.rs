//! Both servers from the packages of Debian or Ubuntu, without the services these would start.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::process::geteuid;

use super::end_of;
use super::place::Place;
use crate::process;

/// Packages run this program to ask whether they may start their service. Exit code 101 forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const OURS: &str =
    "#!/bin/sh\n# Written by `cargo xtask` while it installs packages, so that they start no service.\nexit 101\n";

/// Whether this process runs as root on Debian, Ubuntu or a similar system.
pub(crate) fn can_install() -> bool {
    geteuid().is_root() && Path::new("/etc/debian_version").exists() && process::find_program("apt-get", &[]).is_some()
}

/// Prints which packages it will install, and installs them.
pub(crate) fn install(packages: &[&str], place: &Place) -> Result<()> {
    println!("Installing with apt-get as root, without starting services: {}.", packages.join(", "));
    let log = place.path().join("apt.log");
    let _policy = NoServices::declare(Path::new(POLICY))?;
    let install = || -> Result<()> {
        process::must(apt_get(&log)?.arg("update"))?;
        process::must(apt_get(&log)?.args(["install", "--yes", "--no-install-recommends"]).args(packages))
    };
    install().with_context(|| format!("apt-get failed; its log is {}{}", log.display(), end_of(&log)))
}

fn apt_get(log: &Path) -> Result<Command> {
    let log = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new("apt-get");
    command.args(["--option", "DPkg::Lock::Timeout=300", "--option", "Acquire::Retries=3"]);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// Keeps packages from starting services. Drop restores the policy from before.
struct NoServices {
    policy: PathBuf,
    saved: PathBuf,
}

impl NoServices {
    fn declare(policy: &Path) -> Result<NoServices> {
        let guard = NoServices { policy: policy.to_owned(), saved: policy.with_extension("d.before-roster") };
        // A killed run may have left its policy here, and the machine's own beside it.
        guard.restore()?;
        if policy.exists() {
            fs::rename(policy, &guard.saved)?;
        }
        fs::write(policy, OURS)?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))?;
        Ok(guard)
    }

    fn restore(&self) -> Result<()> {
        if self.saved.exists() {
            fs::rename(&self.saved, &self.policy)?;
        } else if fs::read_to_string(&self.policy).is_ok_and(|text| text == OURS) {
            fs::remove_file(&self.policy)?;
        }
        Ok(())
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Err(error) = self.restore() {
            println!("{} could not be restored: {error}", self.policy.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_that_was_there_is_back_afterwards() -> Result<()> {
        let directory = std::env::temp_dir().join(format!("xtask-policy-{}", super::super::place::random_hex(6)?));
        fs::create_dir(&directory)?;
        let policy = directory.join("policy-rc.d");

        drop(NoServices::declare(&policy)?);
        assert!(!policy.exists());

        fs::write(&policy, "theirs")?;
        let guard = NoServices::declare(&policy)?;
        assert_eq!(fs::read_to_string(&policy)?, OURS);
        // A run that was killed here leaves both files for the next one.
        std::mem::forget(guard);
        drop(NoServices::declare(&policy)?);
        assert_eq!(fs::read_to_string(&policy)?, "theirs");
        assert_eq!(fs::read_dir(&directory)?.count(), 1);
        fs::remove_dir_all(directory)?;
        Ok(())
    }
}
