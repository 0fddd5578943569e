//! Starts programs, and kills them when their [`Process`] is dropped.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io::{Error, Result};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// Clears the environment but for `PATH`, and gives no input.
pub fn isolate(command: &mut Command) -> &mut Command {
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).stdin(Stdio::null())
}

/// A child. Drop kills it.
pub struct Process {
    child: Child,
    leads_a_group: bool,
}

impl Process {
    /// Starts a child in the process group of this process, so that Ctrl-C reaches it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().map_err(|why| {
            Error::new(why.kind(), format!("`{}` cannot be started: {why}", command.get_program().display()))
        })?;
        Ok(Self { child, leads_a_group: false })
    }

    /// Starts a child in a process group of its own. Signals go to the whole group.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_group(command: &mut Command) -> Result<Self> {
        // `setsid` makes a group with the session; if it led one already, it would fork.
        if !Path::new(command.get_program()).ends_with("setsid") {
            command.process_group(0);
        }
        let mut process = Self::start(command)?;
        process.leads_a_group = true;
        Ok(process)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its status, once it has ended.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn status(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        // An error means that no process is left. The id of a child that has ended may belong to another process.
        if self.leads_a_group {
            let _ = kill_process_group(id, signal);
        } else if let Ok(None) = self.status() {
            let _ = kill_process(id, signal);
        }
    }

    /// Kills it, and what is left of its group, as the kernel does when memory is short.
    ///
    /// # Errors
    /// When the system cannot tell its status.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        // Only once: afterwards the id of the group may belong to another one.
        if std::mem::take(&mut self.leads_a_group) {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        // `setsid` may not have made its group yet. This does nothing to a child that has ended.
        self.child.kill()?;
        self.child.wait()
    }

    /// Its standard input, if it is a pipe.
    pub const fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Its standard output, if it is a pipe.
    pub const fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::Process;
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "this test is about a process")]
    fn a_child_that_has_not_made_its_group_yet_is_killed() {
        for _ in 0..20 {
            let begun = Instant::now();
            drop(Process::start_group(Command::new("setsid").args(["sleep", "30"])).unwrap());
            assert!(begun.elapsed() < Duration::from_secs(30), "it was waited for, not killed");
        }
    }
}
