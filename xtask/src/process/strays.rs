//! Processes that children leave behind.

use std::fs;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

use super::guarded::OURS;

/// Makes this process the parent of processes that its children leave behind. Drop ends them.
pub(crate) struct Strays;

impl Strays {
    pub(crate) fn adopt() -> Strays {
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_child_subreaper(Some(getpid()));
        Strays
    }
}

impl Drop for Strays {
    fn drop(&mut self) {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let strays = strays();
            if strays.is_empty() || end < Instant::now() {
                return;
            }
            for stray in strays {
                let _ = kill_process(stray, Signal::KILL);
                let _ = waitpid(Some(stray), WaitOptions::empty());
            }
        }
    }
}

/// Reaps adopted children that have ended, so that no dead process looks alive.
pub(super) fn reap_strays() {
    for stray in strays() {
        let _ = waitpid(Some(stray), WaitOptions::NOHANG);
    }
}

/// The adopted children; empty if there is no `/proc`.
fn strays() -> Vec<Pid> {
    let me = getpid().as_raw_nonzero().get().to_string();
    let ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|id| !ours.contains(id) && parent_of(*id).as_deref() == Some(me.as_str()))
        .filter_map(|id| Pid::from_raw(i32::try_from(id).ok()?))
        .collect()
}

fn parent_of(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field, the name in brackets, may contain any character, brackets too.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1).map(str::to_owned)
}
