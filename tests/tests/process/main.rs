//! The real binary as people run it: from nothing, in several roles, with wrong settings, and to its end.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod attempts;
mod awaited;
mod backups;
mod certificates;
mod command_line;
mod databases;
mod disk;
mod failover;
mod first_administrator;
mod first_run;
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

/// For a process that is to end by itself at once, on a machine that is busy.
const SOON: Duration = Duration::from_secs(20);

/// Somebody whom nobody knows yet.
fn somebody() -> Value {
    json!({ "email": format!("{}@example.org", uuid().simple()), "password": "correct horse battery staple" })
}

/// No database for SQLite, and the URL of a new one on PostgreSQL.
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

/// It was done; what it printed, as JSON.
fn answer(ended: &Ended) -> Value {
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// It was refused, and one line says why; the line.
fn refusal(ended: &Ended) -> &str {
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{ended:?}");
    let line = ended.stderr.strip_suffix('\n').unwrap();
    assert!(line.starts_with("roster: ") && !line.contains('\n'), "one line: {ended:?}");
    line
}

/// It could not be done, and one line says why; the line. A first start may have made the schema before, and says so.
fn one_line(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let mut lines = ended.stderr.lines().filter(|line| !line.contains("the schema has been brought up to date"));
    let (line, more) = (lines.next().unwrap(), lines.next());
    assert!(line.starts_with("roster: ") && more.is_none(), "one line: {ended:?}");
    assert_eq!(ended.stdout, "");
    line
}
