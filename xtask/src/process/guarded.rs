//! Children that end with this program.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::{TICK, check};

/// The children that this program waits for. Every other child was left behind by one of them.
pub(super) static OURS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A child in a process group of its own. Drop ends the whole group.
pub(crate) struct Guarded {
    child: Option<Child>,
    farewell: Signal,
}

impl Guarded {
    /// Starts a child. `farewell` is the signal that asks it to end; five seconds later it is killed.
    pub(crate) fn spawn(command: &mut Command, farewell: Signal) -> Result<Guarded> {
        check()?;
        let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
        // `setsid` makes a group with the session; if it led one already, it would fork.
        if !Path::new(command.get_program()).ends_with("setsid") {
            command.process_group(0);
        }
        let child = command
            .spawn()
            .with_context(|| format!("`{}` cannot be started", command.get_program().to_string_lossy()))?;
        ours.insert(child.id());
        Ok(Guarded { child: Some(child), farewell })
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Its status, once it has ended.
    pub(crate) fn finished(&mut self) -> Result<Option<ExitStatus>> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?),
            None => bail!("this process was given away"),
        }
    }

    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.as_mut()?.stdin.take()
    }

    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.as_mut()?.stdout.take()
    }

    /// Asks the program to end, and waits until it has ended.
    pub(crate) fn stop(&mut self, patience: Duration) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        if let Ok(None) = child.try_wait() {
            signal_group(child, self.farewell);
            let end = Instant::now() + patience;
            while let (Ok(None), true) = (child.try_wait(), Instant::now() < end) {
                thread::sleep(TICK);
            }
        }
        // Kill the group even if the program has ended: other members may still run.
        signal_group(child, Signal::KILL);
        let status = child.wait().ok();
        forget(child.id());
        self.child = None;
        status
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(5));
    }
}

fn forget(id: u32) {
    OURS.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

fn signal_group(child: &Child, signal: Signal) {
    // A group without members is not an error here.
    let _ = kill_process_group(Pid::from_child(child), signal);
}

#[cfg(test)]
mod tests {
    use super::*;

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
