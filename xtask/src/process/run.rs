//! Runs commands to their end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::Signal;

use super::strays::reap_strays;
use super::{Guarded, TICK, pause};

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

#[cfg(test)]
mod tests {
    use super::*;

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
