//! Runs child processes that never outlive this one: a signal, an error or a panic here ends them, too.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, kill_process_group, waitpid};

const TICK: Duration = Duration::from_millis(20);

static SIGNAL: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
/// The children that this program waits for. Every other child was left behind by one of them.
static OURS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The error that a signal has asked this program to end.
#[derive(Debug)]
pub(crate) struct Interrupted(usize);

impl Interrupted {
    /// The exit code that a shell reports for a program ended by this signal.
    pub(crate) fn exit_code(&self) -> u8 {
        128 | u8::try_from(self.0).unwrap_or(0)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted by signal {}", self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Turns Ctrl-C and SIGTERM-like signals into an error at the next [`check`], so that guards are dropped.
pub(crate) fn listen_to_signals() -> Result<()> {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let raw = signal.as_raw();
        signal_hook::flag::register_usize(raw, SIGNAL.clone(), usize::try_from(raw)?)
            .context("a signal handler cannot be installed")?;
    }
    Ok(())
}

/// # Errors
/// [`Interrupted`] once a signal has arrived.
pub(crate) fn check() -> Result<()> {
    match SIGNAL.load(Ordering::Relaxed) {
        0 => Ok(()),
        signal => Err(Interrupted(signal).into()),
    }
}

/// Sleeps, but ends with an error when a signal arrives.
pub(crate) fn pause(length: Duration) -> Result<()> {
    let end = Instant::now() + length;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(TICK));
    }
}

/// Runs a command in the foreground, without input, and waits for it.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    wait(&mut Guarded::spawn(command.stdin(Stdio::null()), Signal::TERM)?)
}

/// As [`run`]; prints the output of the command, and passes each line to a function.
pub(crate) fn run_heard<T: Send + 'static>(
    command: &mut Command,
    mut heard: T,
    hear: impl Fn(&mut T, &str) + Send + 'static,
) -> Result<(ExitStatus, T)> {
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()), Signal::TERM)?;
    let stdout = child.stdout().context("its output is a pipe")?;
    let reader = thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            hear(&mut heard, &line);
        }
        heard
    });
    let status = wait(&mut child)?;
    let heard = reader.join().map_err(|_| anyhow!("reading the output of `{}` failed", line(command)))?;
    Ok((status, heard))
}

fn wait(child: &mut Guarded) -> Result<ExitStatus> {
    let mut next_reaping = Instant::now();
    loop {
        if let Some(status) = child.finished()? {
            return Ok(status);
        }
        pause(TICK)?;
        if next_reaping <= Instant::now() {
            reap_strays();
            next_reaping = Instant::now() + Duration::from_secs(1);
        }
    }
}

/// Waits until a signal asks this program to end.
///
/// # Errors
/// [`Interrupted`], always.
pub(crate) fn wait_for_signal<T>() -> Result<T> {
    loop {
        pause(Duration::from_secs(1))?;
        reap_strays();
    }
}

/// As [`run`]; a status other than 0 is an error.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    let status = run(command)?;
    if !status.success() {
        bail!("`{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a command and returns its standard output. It is an error if it fails, or takes longer than `patience`.
pub(crate) fn output(command: &mut Command, patience: Duration) -> Result<String> {
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()), Signal::KILL)?;
    let mut stdout = child.stdout().context("its output is a pipe")?;
    // Read while waiting: a full pipe would block the child.
    let reader = thread::spawn(move || {
        let mut printed = String::new();
        stdout.read_to_string(&mut printed).map(|_| printed)
    });
    let end = Instant::now() + patience;
    loop {
        match child.finished()? {
            Some(status) if status.success() => break,
            Some(status) => bail!("`{}` ended with {status}", line(command)),
            None if end < Instant::now() => bail!("`{}` takes longer than {patience:?}", line(command)),
            None => pause(TICK)?,
        }
    }
    match reader.join() {
        Ok(printed) => Ok(printed?),
        Err(_) => bail!("reading the output of `{}` failed", line(command)),
    }
}

fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

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

    fn stdout(&mut self) -> Option<ChildStdout> {
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
fn reap_strays() {
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

    #[test]
    fn an_output_longer_than_a_pipe_is_read() -> Result<()> {
        let printed = output(Command::new("seq").arg("100000"), Duration::from_secs(60))?;
        assert_eq!(printed.lines().last(), Some("100000"));
        Ok(())
    }

    #[test]
    fn a_command_that_fails_or_takes_too_long_is_an_error() {
        assert!(output(&mut Command::new("false"), Duration::from_secs(60)).is_err());
        assert!(output(Command::new("sleep").arg("600"), Duration::from_millis(50)).is_err());
    }
}
