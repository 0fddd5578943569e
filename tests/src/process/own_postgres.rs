//! A PostgreSQL server for one test that would disturb others on a shared server.

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

/// A running PostgreSQL server. Drop stops it.
pub struct OwnPostgres {
    child: Child,
    port: u16,
    _data: TempDir,
}

/// The folder of PostgreSQL's programs; `None` if tests run without servers.
fn programs() -> Option<PathBuf> {
    super::server("TEST_POSTGRES_BIN").map(PathBuf::from)
}

/// The user and group that servers run as when the tests run as root: PostgreSQL refuses to run as root.
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

/// A command that runs a server program under that account.
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

/// A folder that the server may write to.
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
    /// Starts a server with a database `roster` and a superuser of that name without a password.
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

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://roster@127.0.0.1:{}/roster", self.port)
    }

    /// Runs a statement as the superuser, on a connection of its own.
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
        // An error means that it has ended.
        let _ = kill_process(Pid::from_child(&self.child), Signal::QUIT);
        let _ = self.child.wait();
    }
}
