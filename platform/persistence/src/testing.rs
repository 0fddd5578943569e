//! Databases for tests: an SQLite file without fsync, and a separate database on a real PostgreSQL.
//!
//! `cargo xtask test` sets the address of PostgreSQL. No test is skipped silently: without PostgreSQL these functions
//! panic, unless `TEST_EMBEDDED` asks for the tests that need no server.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that has no database has failed")]

use crate::{DatabaseUrl, Db, fetch_one};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::str::FromStr as _;
use tempfile::TempDir;
use uuid::Uuid;

/// The database of one test. An SQLite file is deleted when this is dropped.
pub struct TestDb {
    pub db: Db,
    /// The URL, for another process that uses the database.
    pub url: String,
    _folder: Option<TempDir>,
}

impl TestDb {
    /// Creates an SQLite file.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("app.db");
        let db = Db::open_without_fsync(&path).await.expect("a SQLite file");
        Self { db, url: format!("sqlite://{}", path.display()), _folder: Some(folder) }
    }

    /// Creates a database on PostgreSQL. Returns `None` only if `TEST_EMBEDDED` is set.
    pub async fn postgres() -> Option<Self> {
        let url = postgres_url().await?;
        let parsed = DatabaseUrl::from_str(&url).expect("a URL");
        let db = Db::open(&parsed).await.expect("PostgreSQL answers");
        Some(Self { db, url, _folder: None })
    }

    /// Drops the database now, even while it is in use, so that a shared PostgreSQL is left as it was found.
    pub async fn end(self) {
        self.db.close().await;
        let (Ok(server), Some((_, name))) = (std::env::var("TEST_DATABASE_URL"), self.url.rsplit_once("/test_")) else {
            return;
        };
        let mut admin = PgConnection::connect(&server).await.expect("PostgreSQL answers");
        // The name was made here.
        let sql = format!("drop database test_{name} with (force)");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.expect("its own database");
        admin.close().await.expect("closed");
    }

    /// Whether a transaction waits for a lock of another one. On SQLite, which has one writer, it cannot be seen.
    pub async fn has_waiting_transaction(&self) -> bool {
        let sql =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let mut read = self.db.read().await.expect("the database answers");
        fetch_one!(&mut read, (i64,), sql).expect("a count").0 > 0
    }

    /// Creates one database of each kind.
    pub async fn each() -> Vec<Self> {
        let mut all = vec![Self::sqlite().await];
        all.extend(Self::postgres().await);
        all
    }
}

/// Creates an empty database on PostgreSQL and returns its URL. The database goes with the server, which is a test's
/// own.
pub async fn postgres_url() -> Option<String> {
    let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
        if std::env::var_os("TEST_EMBEDDED").is_some() {
            return None;
        }
        panic!("TEST_DATABASE_URL is not set: run `cargo xtask test`, which starts a PostgreSQL");
    };
    let name = format!("test_{}", Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)).simple());
    let mut admin = PgConnection::connect(&server).await.expect("PostgreSQL answers");
    // The name is made here.
    sqlx::query(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut admin)
        .await
        .expect("may create databases");
    admin.close().await.expect("closed");
    let (base, _) = server.split_once('?').unwrap_or((&server, ""));
    let (authority, _) = base.rsplit_once('/').expect("a URL with a database");
    Some(format!("{authority}/{name}"))
}
