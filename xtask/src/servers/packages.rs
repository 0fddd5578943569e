//! Packages of Debian or Ubuntu, which a shell script installs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::geteuid;

use super::end_of;
use super::place::Place;
use crate::{process, workspace};

/// Whether this process runs as root on Debian, Ubuntu or a similar system.
pub(crate) fn can_install() -> bool {
    geteuid().is_root() && Path::new("/etc/debian_version").exists() && process::find_program("apt-get", &[]).is_some()
}

/// Prints which packages it will install, and installs them.
pub(crate) fn install(packages: &[&str], place: &Place) -> Result<()> {
    println!("Installing with apt-get as root, without starting services: {}.", packages.join(", "));
    let log = place.path().join("apt.log");
    let file = File::create(&log)?;
    let installed = process::must(script().args(packages).stdout(file.try_clone()?).stderr(file));
    installed.with_context(|| format!("apt-get failed; its log is {}{}", log.display(), end_of(&log)))
}

fn script() -> Command {
    let mut command = Command::new("sh");
    command.arg(PathBuf::from_iter([workspace::root(), "xtask/install-packages.sh".into()]));
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_script_forbids_services_only_while_it_installs() -> Result<()> {
        let directory = std::env::temp_dir().join(format!("xtask-policy-{}", super::super::place::random_hex(6)?));
        fs::create_dir(&directory)?;
        let (policy, seen) = (directory.join("policy-rc.d"), directory.join("seen"));
        // In place of apt-get: writes down its arguments and the policy.
        fs::write(directory.join("apt-get"), "#!/bin/sh\necho \"$@\" >>\"$SEEN\"\ncat \"$POLICY_RC_D\" >>\"$SEEN\"\n")?;
        fs::set_permissions(directory.join("apt-get"), fs::Permissions::from_mode(0o755))?;
        let path = format!("{}:{}", directory.display(), std::env::var("PATH")?);
        let install = || {
            let mut script = script();
            script.arg("postgresql").env("PATH", &path).env("POLICY_RC_D", &policy).env("SEEN", &seen);
            process::must(&mut script)
        };

        install()?;
        assert!(!policy.exists());
        let written = fs::read_to_string(&seen)?;
        assert!(written.contains("exit 101") && written.contains("--no-install-recommends postgresql"), "{written}");

        // The machine's own policy is back afterwards, also when an earlier run was killed.
        fs::write(&policy, "exit 0 # theirs")?;
        install()?;
        assert_eq!(fs::read_to_string(&policy)?, "exit 0 # theirs");
        fs::rename(&policy, directory.join("policy-rc.d.before-roster"))?;
        fs::write(&policy, "exit 101")?;
        install()?;
        assert_eq!(fs::read_to_string(&policy)?, "exit 0 # theirs");
        fs::remove_dir_all(directory)?;
        Ok(())
    }
}
