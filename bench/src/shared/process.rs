//! Processes: starting them, and what they use.

use anyhow::{Context as _, Result, ensure};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::{Process, isolate};

/// Linux counts processor time for programs in these units (USER_HZ) on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// A command for a process in a session of its own, as service managers start it: Linux divides the processors between
/// sessions before it compares priorities. The command inherits no environment but `PATH`.
pub(crate) fn service(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setsid");
    isolate(command.arg(program)).stdout(Stdio::null());
    command
}

/// What processes use.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Seconds of processor time since they started.
    pub(crate) cpu: f64,
    /// The resident memory in megabytes.
    pub(crate) memory: f64,
}

/// What the processes of a session use.
pub(crate) fn usage_of_session(leader: &Process) -> Result<Usage> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if let Some(id) = name.to_str().and_then(|name| name.parse().ok()) {
            processes.push(id);
        }
    }
    let session = leader.id().to_string();
    Ok(usage(processes.into_iter().filter(|id| field(*id, 6).as_deref() == Some(session.as_str()))))
}

/// What processes use together. A process that has ended counts nothing.
pub(crate) fn usage(processes: impl Iterator<Item = u32>) -> Usage {
    processes.fold(Usage::default(), |sum, id| {
        let ticks = |number| field(id, number).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
        let cpu = (ticks(14) + ticks(15)) / TICKS_PER_SECOND;
        Usage { cpu: sum.cpu + cpu, memory: sum.memory + memory(id).unwrap_or_default() }
    })
}

/// A field of `/proc/PID/stat`, counted from 1 as in proc_pid_stat(5), from the third on.
fn field(id: u32, number: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field, the name in brackets, may contain any character.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?).map(str::to_owned)
}

fn memory(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
}

/// Runs a program to its end, and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{name} cannot be started"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} ended with {}: {errors}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The size of a file in megabytes.
pub(crate) fn megabytes_of(file: &Path) -> Result<f64> {
    let bytes = u32::try_from(fs::metadata(file)?.len())?;
    Ok(f64::from(bytes) / 1024.0 / 1024.0)
}
