use crate::db::Pools;
use crate::sqlite_file::SqliteFile;
use crate::sqlite_stamp::new_stamp;
use crate::{Db, OpenError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, SqlitePool};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Number of connections that read for one request each.
const SQLITE_READERS: u32 = 3;
/// Number of connections that read for many requests at once.
const SQLITE_BATCHES: u32 = 1;
/// The writer's cache size, in KiB as a negative number. With SQLite's default of 2 MiB the ledger's indexes did not
/// stay in memory: registrations caused 24,000 reads of the file per second.
const WRITER_CACHE: &str = "-32768";
/// How long a request waits for a connection before the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// The first SQLite version without the corruption bug of the write-ahead log's reset.
const SQLITE_AT_LEAST: (u32, u32, u32) = (3, 51, 3);

pub(super) async fn open_sqlite(mut file: SqliteFile, synchronous: SqliteSynchronous) -> Result<Db, OpenError> {
    file.check_beside()?;
    file.doubt = file.check_log()?;
    let path = file.path();
    let unfit = |error: sqlx::Error| OpenError::Unfit(format!("cannot use {}: {error}", path.display()));
    let options = SqliteConnectOptions::new()
        .filename(path)
        // The file exists. If it has gone since, a new one in its place would be another database.
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        // SQLite overwrites what it deletes with zeros, so the file holds no erased name.
        .connect_with(options.clone().pragma("cache_size", WRITER_CACHE).pragma("secure_delete", "on"))
        .await
        .map_err(unfit)?;
    let (version, mode): (String, String) =
        sqlx::query_as("select sqlite_version(), (select journal_mode from pragma_journal_mode)")
            .fetch_one(&writer)
            .await
            .map_err(unfit)?;
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    if (part(), part(), part()) < SQLITE_AT_LEAST {
        return Err(OpenError::Unfit(format!("SQLite {version} can corrupt its log: 3.51.3 or newer is needed")));
    }
    if mode != "wal" {
        return Err(OpenError::Unfit(format!(
            "{} cannot have a write-ahead log here: use a local disk",
            path.display()
        )));
    }
    let options = options.read_only(true);
    let readers = |most| {
        SqlitePoolOptions::new()
            .max_connections(most)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone())
    };
    let (reader, batches) = (readers(SQLITE_READERS), readers(SQLITE_BATCHES));
    // The file that SQLite has opened by name must be the locked one.
    file.check()?;
    if file.is_served_here() {
        if let Some(doubt) = &file.doubt {
            tracing::error!("{doubt}");
        }
        if let Err(error) = stamp(&file, &writer).await {
            tracing::warn!(%error, "the database file could not be stamped: a copy in its place cannot be detected");
        }
    }
    Ok(Db(Pools::Sqlite { writer, reader, batches, urgent: Arc::default(), file: Arc::new(file) }))
}

pub(super) async fn open_sqlite_to_look(mut file: SqliteFile) -> Result<Db, OpenError> {
    file.check_beside()?;
    file.doubt = file.check_log()?;
    let path = file.path();
    // Not `read_only`: such a connection needs a write-ahead log if it is the first one, and leaves the log behind if
    // it is the last one.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5))
        .pragma("query_only", "on");
    let pool = || {
        SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
    };
    let unfit = |error: sqlx::Error| OpenError::Unfit(format!("cannot read {}: {error}", path.display()));
    let reader = pool().connect_with(options.clone()).await.map_err(unfit)?;
    Ok(Db(Pools::Sqlite {
        writer: pool().connect_lazy_with(options.clone()),
        reader,
        batches: pool().connect_lazy_with(options),
        urgent: Arc::default(),
        file: Arc::new(file),
    }))
}

/// Writes a new stamp into the file itself, not only into its log.
async fn stamp(file: &SqliteFile, writer: &SqlitePool) -> Result<(), sqlx::Error> {
    let stamp = new_stamp();
    file.record(&[file.stamp()?, stamp])?;
    sqlx::query(AssertSqlSafe(format!("pragma user_version = {stamp}"))).execute(writer).await?;
    sqlx::query("pragma wal_checkpoint(truncate)").execute(writer).await?;
    // Another process may have been reading, so that the log could not be emptied. Then both stamps are valid.
    if file.stamp()? == stamp {
        file.record(&[stamp])?;
    }
    Ok(())
}

pub(super) fn served(path: &Path, file: &SqliteFile) -> OpenError {
    let holder = file.server();
    let process = holder.map_or_else(|| "another process".to_owned(), |id| format!("another process ({id})"));
    OpenError::InUse(format!(
        "{process} serves {}, and SQLite allows only one: stop the other process, or use PostgreSQL",
        path.display()
    ))
}
