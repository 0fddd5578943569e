//! What the process logs, and what it says as it starts: on the standard error and output, whatever becomes of them.

mod short;

use crate::lossy_writer::LossyWriter;
use short::Short;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// For what is still to be written when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

static STDERR: OnceLock<LossyWriter> = OnceLock::new();

/// To the standard error: JSON, one line an event; for people at a terminal, short text. `RUST_LOG`
/// narrows or widens it.
///
/// Lines are written by a thread of their own: an error that cannot be told must not end or stop what it is about.
pub(crate) fn init() {
    let asked = std::env::var("RUST_LOG").unwrap_or_else(|_| "info,sqlx=warn".to_owned());
    // lapin writes whole frames, the one with the password among them; what matters of it we say ourselves.
    let filter = EnvFilter::new(format!("{asked},lapin=off,amq_protocol=off"));
    let for_people = io::stderr().is_terminal();
    let note = if for_people { short::lost } else { lost };
    let writer = STDERR.get_or_init(|| LossyWriter::start(descriptor(io::stderr().as_fd()), note)).clone();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(move || writer.clone());
    // Somebody else may have set a logger: in tests.
    let _ = if for_people {
        lines.event_format(Short).try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(false).try_init()
    };
    // The place, and not the message: that may hold anything, input included.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic: one request or one attempt ends");
    }));
}

/// Why the command line failed, on the standard error. A server that fails does not wait for the reader.
pub(crate) fn complain(line: &str) {
    let line = format!("{line}\n");
    match STDERR.get() {
        Some(writer) => _ = writer.clone().write_all(line.as_bytes()),
        // Where the standard error is closed, the exit code has to do.
        None => _ = io::stderr().write_all(line.as_bytes()),
    }
}

/// On the standard output, without waiting for a reader: a server runs without one, too.
pub(crate) fn say(text: String) {
    let mut out = descriptor(io::stdout().as_fd());
    let write = move || _ = out.write_all(text.as_bytes());
    let _ = std::thread::Builder::new().name("greeting".to_owned()).spawn(write);
}

/// Writes what is still to be written, if that takes no longer than a second.
pub(crate) fn flush() {
    if let Some(writer) = STDERR.get() {
        writer.flush_within(LAST_WORDS);
    }
}

/// The descriptor past the standard library's handle, which would be locked for as long as one write waits.
fn descriptor(of: BorrowedFd<'_>) -> Box<dyn Write + Send> {
    match of.try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(io::sink()),
    }
}

/// In the form of every other line.
fn lost(lines: u64) -> String {
    let now = kernel::Timestamp::now();
    format!(
        "{{\"timestamp\":\"{now}\",\"level\":\"WARN\",\"message\":\"log lines were lost\",\"lines\":{lines},\"target\":\"roster::logging\"}}\n"
    )
}
