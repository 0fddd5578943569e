//! Signals that ask this program to end.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::TICK;

static SIGNAL: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

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
