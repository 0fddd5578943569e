//! Finds programs, and makes commands that end with this program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use super::output;

/// The first program called `name` in `PATH` or in `directories`.
pub(crate) fn find_program(name: &str, directories: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(directories.iter().map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| is_program(candidate))
}

pub(crate) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// A command for `program` that gets `signal` from the kernel when this process dies, also by `kill -9`. Without
/// util-linux' `setpriv` it is the plain command.
pub(crate) fn tied(program: &Path, signal: &str) -> Command {
    static SETPRIV: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let setpriv = find_program("setpriv", &[])?;
        let help = output(Command::new(&setpriv).arg("--help"), Duration::from_secs(5)).ok()?;
        help.contains("--pdeathsig").then_some(setpriv)
    });
    match SETPRIV.as_ref() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", signal, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// As [`tied`], in a session of its own like a service: Linux divides the processors between sessions before it
/// compares priorities. Without util-linux' `setsid` it is the same as [`tied`].
pub(crate) fn tied_service(program: &Path, signal: &str) -> Command {
    let tied = tied(program, signal);
    let Some(setsid) = find_program("setsid", &[]) else { return tied };
    let mut command = Command::new(setsid);
    command.arg(tied.get_program()).args(tied.get_args());
    command
}
