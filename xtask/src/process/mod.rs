//! Runs child processes that never outlive this one: a signal, an error or a panic here ends them, too.

mod guarded;
mod programs;
mod run;
mod signals;
mod strays;

use std::time::Duration;

pub(crate) use self::guarded::Guarded;
pub(crate) use self::programs::{find_program, is_program, tied, tied_service};
pub(crate) use self::run::{must, output, run, run_heard, wait_for_signal};
pub(crate) use self::signals::{Interrupted, check, listen_to_signals, pause};
pub(crate) use self::strays::Strays;

/// The pause between two checks while waiting.
const TICK: Duration = Duration::from_millis(20);
