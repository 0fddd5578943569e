//! Children that end with this program.

use std::collections::BTreeSet;
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Signal;
use testkit::Process;

use super::{TICK, check};

/// The children that this program waits for. Every other child was left behind by one of them.
pub(super) static OURS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A child in a process group of its own. Drop ends the whole group.
pub(crate) struct Guarded {
    process: Option<Process>,
    farewell: Signal,
}

impl Guarded {
    /// Starts a child. `farewell` is the signal that asks it to end; five seconds later it is killed.
    pub(crate) fn spawn(command: &mut Command, farewell: Signal) -> Result<Guarded> {
        check()?;
        let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
        let process = Process::start_group(command)?;
        ours.insert(process.id());
        Ok(Guarded { process: Some(process), farewell })
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Its status, once it has ended.
    pub(crate) fn finished(&mut self) -> Result<Option<ExitStatus>> {
        match &mut self.process {
            Some(process) => Ok(process.status()?),
            None => bail!("this process was given away"),
        }
    }

    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.process.as_mut()?.stdin()
    }

    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.process.as_mut()?.stdout()
    }

    /// Asks the program to end, and waits until it has ended.
    pub(crate) fn stop(&mut self, patience: Duration) -> Option<ExitStatus> {
        let mut process = self.process.take()?;
        if let Ok(None) = process.status() {
            process.signal(self.farewell);
            let end = Instant::now() + patience;
            while let (Ok(None), true) = (process.status(), Instant::now() < end) {
                thread::sleep(TICK);
            }
        }
        // Kill the group even if the program has ended: other members may still run.
        let status = process.kill().ok();
        OURS.lock().unwrap_or_else(PoisonError::into_inner).remove(&process.id());
        status
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use rustix::process::Pid;

    #[test]
    fn a_dropped_guard_ends_the_whole_group() -> Result<()> {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & sleep 600"]);
        let guard = Guarded::spawn(&mut command, Signal::TERM)?;
        let group = Pid::from_raw(i32::try_from(guard.id().context("it runs")?)?).context("a process id")?;
        drop(guard);
        // The grandchild is dead at once, but its new parent may need a moment to collect it.
        for _ in 0..500 {
            if rustix::process::test_kill_process_group(group).is_err() {
                return Ok(());
            }
            thread::sleep(TICK);
        }
        bail!("the group outlived its guard")
    }
}
