//! Writes log lines to the standard error and the greeting to the standard output. A slow or closed reader never stops
//! the process.

mod short;

use crate::lossy_writer::LossyWriter;
use short::Short;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// How long the process waits at its end for lines that are not written yet.
const LAST_WORDS: Duration = Duration::from_secs(1);

static STDERR: OnceLock<LossyWriter> = OnceLock::new();

/// Starts logging to the standard error: one line of JSON per event, or short text on a terminal. `RUST_LOG` sets the
/// filter.
///
/// A thread of its own writes the lines, so that a failing or slow write cannot stop the task that logs.
pub(crate) fn init() {
    let asked = std::env::var("RUST_LOG").unwrap_or_else(|_| "info,sqlx=warn".to_owned());
    // lapin logs whole frames, including the one with the password. Our own adapter logs what operators need.
    let filter = EnvFilter::new(format!("{asked},lapin=off,amq_protocol=off"));
    let for_people = io::stderr().is_terminal();
    let note = if for_people { short::lost } else { lost };
    let writer = STDERR.get_or_init(|| LossyWriter::start(descriptor(io::stderr().as_fd()), note)).clone();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(move || writer.clone());
    // In tests, a logger may have been set before.
    let _ = if for_people {
        lines.event_format(Short).try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(false).try_init()
    };
    // Log the place only: the message of a panic may contain input.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "bug: a panic ended one request or one attempt");
    }));
}

/// Prints why the command line failed on the standard error. A server does not wait for the reader.
pub(crate) fn complain(line: &str) {
    let line = format!("{line}\n");
    match STDERR.get() {
        Some(writer) => _ = writer.clone().write_all(line.as_bytes()),
        // If the standard error is closed, the exit code has to do.
        None => _ = io::stderr().write_all(line.as_bytes()),
    }
}

/// Prints on the standard output without waiting for a reader.
pub(crate) fn say(text: String) {
    let mut out = descriptor(io::stdout().as_fd());
    let write = move || _ = out.write_all(text.as_bytes());
    let _ = std::thread::Builder::new().name("greeting".to_owned()).spawn(write);
}

/// Waits up to a second until all lines are written.
pub(crate) fn flush() {
    if let Some(writer) = STDERR.get() {
        writer.flush_within(LAST_WORDS);
    }
}

/// A duplicate of the file descriptor. The standard library's handle would stay locked while a write waits.
fn descriptor(of: BorrowedFd<'_>) -> Box<dyn Write + Send> {
    match of.try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(io::sink()),
    }
}

/// The JSON line that reports lost lines.
fn lost(lines: u64) -> String {
    let now = kernel::Timestamp::now();
    format!(
        "{{\"timestamp\":\"{now}\",\"level\":\"WARN\",\"message\":\"log lines were lost\",\"lines\":{lines},\"target\":\"roster::logging\"}}\n"
    )
}
