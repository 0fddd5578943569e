use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// To the standard error: JSON, one line an event; for people at a terminal, text. `RUST_LOG`
/// narrows or widens it.
pub(crate) fn init() {
    let asked = std::env::var("RUST_LOG").unwrap_or_else(|_| "info,sqlx=warn".to_owned());
    // lapin writes whole frames, the one with the password among them; what matters of it we say ourselves.
    let filter = EnvFilter::new(format!("{asked},lapin=off,amq_protocol=off"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Somebody else may have set a logger: in tests.
    let _ = if std::io::stderr().is_terminal() {
        lines.compact().try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(false).try_init()
    };
    // The place, and not the message: that may hold anything, input included.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic: one request or one attempt ends");
    }));
}
