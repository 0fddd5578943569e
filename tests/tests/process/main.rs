//! The real binary as people run it: from nothing, in several roles, with wrong settings, and to its end.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod command_line;
mod databases;
mod disk;
mod first_run;
mod roles;
mod settings;
mod stopping;

use acceptance::process::{Ended, uuid};
use serde_json::{Value, json};
use std::time::Duration;

/// For a process that is to end by itself at once, on a machine that is busy.
const SOON: Duration = Duration::from_secs(20);

/// Somebody whom nobody knows yet.
fn somebody() -> Value {
    json!({ "email": format!("{}@example.org", uuid().simple()), "password": "correct horse battery staple" })
}

/// It could not be done, and one line says why; the line.
fn one_line(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let line = ended.stderr.strip_suffix('\n').unwrap();
    assert!(line.starts_with("roster: ") && !line.contains('\n'), "one line: {ended:?}");
    assert_eq!(ended.stdout, "");
    line
}
