//! A PostgreSQL of a test's own, for what would disturb the tests that share one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use super::{free_port, until};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// It ends when this is dropped.
pub struct OwnPostgres {
    child: Child,
    port: u16,
    _data: TempDir,
}

/// Where the programs of PostgreSQL are; `None` only where tests are to do without servers.
fn programs() -> Option<PathBuf> {
    super::server("TEST_POSTGRES_BIN").map(PathBuf::from)
}

/// The account that servers run as when a test runs as root, which PostgreSQL refuses: user and group.
fn account() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        accounts.lines().find_map(|line| match line.split(':').collect::<Vec<_>>()[..] {
            [found, _, user, group, ..] if found == name => Some((user.parse().unwrap(), group.parse().unwrap())),
            _ => None,
        })
    };
    of("postgres").or_else(|| of("nobody"))
}

/// A program of a server, to be run as its account.
///
/// # Panics
/// When there is no such account.
#[must_use]
pub fn program(path: &Path) -> Command {
    #[expect(clippy::disallowed_methods, reason = "a test that needs a server of its own starts one")]
    let mut command = Command::new(path);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some((user, group)) = account() {
        command.uid(user).gid(group);
    }
    command
}

/// A folder that a server may write.
///
/// # Panics
/// When the disk is full.
#[must_use]
pub fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("roster-server-").tempdir().unwrap();
    if let Some((user, group)) = account() {
        chown(folder.path(), Some(user), Some(group)).unwrap();
    }
    folder
}

impl OwnPostgres {
    /// Starts one with a database `roster` and a superuser of that name without a password.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(settings: &[&str]) -> Option<Self> {
        let programs = programs()?;
        let folder = folder();
        let data = folder.path().join("data");
        let mut initdb = program(&programs.join("initdb"));
        initdb.args(["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust", "--username=roster", "--pgdata"]);
        assert!(initdb.arg(&data).status().unwrap().success(), "initdb");
        let port = free_port();
        let mut postgres = program(&programs.join("postgres"));
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k", ""]);
        postgres.args(settings.iter().flat_map(|setting| ["-c", setting]));
        let started = Self { child: postgres.spawn().unwrap(), port, _data: folder };
        until(Duration::from_secs(30), "PostgreSQL", async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()?;
            started.run_in("postgres", "create database roster").await.ok()
        })
        .await;
        Some(started)
    }

    /// The port it listens on, at 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://roster@127.0.0.1:{}/roster", self.port)
    }

    /// Runs a statement as its superuser, on a connection of its own.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, sql: &'static str) {
        self.run_in("roster", sql).await.unwrap();
    }

    async fn run_in(&self, database: &str, sql: &'static str) -> Result<(), persistence::sqlx::Error> {
        use persistence::sqlx::{Connection as _, Executor as _, PgConnection};
        let url = format!("postgres://roster@127.0.0.1:{}/{database}", self.port);
        let mut connection = PgConnection::connect(&url).await?;
        connection.execute(sql).await?;
        connection.close().await
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        // It may have ended.
        let _ = kill_process(Pid::from_child(&self.child), Signal::QUIT);
        let _ = self.child.wait();
    }
}
