//! Tests of the real binary as people run it: first start, several roles, wrong settings, shutdown.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod attempts;
mod awaited;
mod backups;
mod breached;
mod certificates;
#[cfg(target_os = "linux")]
mod clocks;
mod command_line;
mod databases;
mod disk;
mod failover;
mod first_administrator;
mod first_run;
mod importing;
mod keys;
mod looking;
mod one_server;
mod operators;
mod outputs;
mod pooler;
#[cfg(target_os = "linux")]
mod released;
mod roles;
mod secrets;
mod settings;
mod silence;
mod sockets;
mod stopping;

use acceptance::process::{Ended, Folder, Roster, postgres, uuid};
use serde_json::{Value, json};
use std::time::Duration;

/// How long to wait for a process that should end by itself at once, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// The body of a sign-up with a new address.
fn new_person() -> Value {
    json!({ "email": format!("{}@example.org", uuid().simple()), "password": "correct horse battery staple" })
}

/// The databases to test with: `None` for SQLite, and the URL of a new database on PostgreSQL.
async fn databases() -> Vec<Option<String>> {
    let mut databases = vec![None];
    databases.extend(postgres().await.map(Some));
    databases
}

/// How to run the binary on one of [`databases`].
fn on(folder: &Folder, database: Option<&String>, arguments: &[&str]) -> Roster {
    let roster = folder.roster(arguments).hashing_fast();
    database.iter().fold(roster, |roster, url| roster.set("DATABASE_URL", url.as_str()))
}

/// What a successful command printed, as JSON.
fn answer(ended: &Ended) -> Value {
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The one line with which a command was refused (exit code 1).
fn refusal(ended: &Ended) -> &str {
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{ended:?}");
    let line = ended.stderr.strip_suffix('\n').unwrap();
    assert!(line.starts_with("roster: ") && !line.contains('\n'), "one line: {ended:?}");
    line
}

/// The one line of a command that could not be done (exit code 2). Before it, a first start may log that it has
/// migrated the schema.
fn one_line(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let mut lines = ended.stderr.lines().filter(|line| !line.contains("the schema has been brought up to date"));
    let (line, more) = (lines.next().unwrap(), lines.next());
    assert!(line.starts_with("roster: ") && more.is_none(), "one line: {ended:?}");
    assert_eq!(ended.stdout, "");
    line
}
