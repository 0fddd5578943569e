mod postgres;
mod sqlite;

use self::postgres::{open_postgres, open_postgres_for};
use self::sqlite::{open_sqlite, open_sqlite_to_look, served};
use crate::postgres::Access;
use crate::sqlite_file::SqliteFile;
use crate::{DatabaseUrl, Db, OpenError};
use sqlx::sqlite::SqliteSynchronous;
#[cfg(feature = "testing")]
use std::path::Path;

impl Db {
    /// Opens the database to serve it, and checks that its commits are durable.
    ///
    /// An SQLite file is created if missing, and locked: only one process may serve a file.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Postgres(address) => open_postgres(address).await,
            DatabaseUrl::Sqlite(path) => {
                let mut file = SqliteFile::open(path)?;
                if !file.serve().await? {
                    return Err(served(path, &file));
                }
                open_sqlite(file, SqliteSynchronous::Full).await
            }
        }
    }

    /// Opens the database, and returns whether this process may serve it. If another process serves an SQLite file,
    /// this one opens it without the lock. Any number of processes may serve PostgreSQL.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open_or_unlocked(url: &DatabaseUrl) -> Result<(Self, bool), OpenError> {
        match url {
            DatabaseUrl::Postgres(address) => Ok((open_postgres(address).await?, true)),
            DatabaseUrl::Sqlite(path) => {
                let mut file = SqliteFile::open(path)?;
                let is_free = file.serve().await?;
                Ok((open_sqlite(file, SqliteSynchronous::Full).await?, is_free))
            }
        }
    }

    /// Opens the database without the lock, for short transactions beside a serving process.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open_unlocked(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Postgres(address) => open_postgres(address).await,
            DatabaseUrl::Sqlite(path) => open_sqlite(SqliteFile::open(path)?, SqliteSynchronous::Full).await,
        }
    }

    /// Opens the database for reading. The database itself refuses every change, and a missing file is not created.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open_to_look(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Postgres(options) => open_postgres_for(options, Access::Read).await,
            DatabaseUrl::Sqlite(path) => open_sqlite_to_look(SqliteFile::open_existing(path)?).await,
        }
    }

    /// Opens an SQLite file that loses commits when the machine fails. Only for tests, which need it fast.
    ///
    /// # Errors
    /// [`OpenError`]
    #[cfg(feature = "testing")]
    pub async fn open_without_fsync(path: &Path) -> Result<Self, OpenError> {
        let mut file = SqliteFile::open(path)?;
        // The first call gets the lock. A test may open the file once more.
        file.try_serve()?;
        open_sqlite(file, SqliteSynchronous::Off).await
    }
}
