use crate::db::Pools;
use crate::error::stop_at_failed_sync;
use crate::pool::Lease;
use crate::{Conn, Db, Sql, SqlError};
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;

/// A connection on which each statement commits by itself, durably, before it returns.
///
/// On PostgreSQL it saves the two round trips that begin and commit a transaction. After a lost connection it is
/// unknown whether the statement was executed.
pub struct Autocommit {
    inner: Inner,
    /// False if a statement was cancelled or the connection was lost.
    is_sound: bool,
}

enum Inner {
    Postgres(Lease),
    Sqlite(PoolConnection<Sqlite>),
}

impl Db {
    /// Takes a connection for autocommit. On PostgreSQL it is not one of the writers' pool, so it does not wait for
    /// other writers. On SQLite it is the one writer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn autocommit(&self) -> Result<Autocommit, SqlError> {
        let inner = match &self.0 {
            Pools::Postgres { accepting, .. } => {
                let mut lease = Box::pin(accepting.acquire()).await?;
                // Closed when dropped, unless `keep` is called.
                lease.is_sound = false;
                Inner::Postgres(lease)
            }
            Pools::Sqlite { writer, urgent, .. } => {
                urgent.asked();
                Inner::Sqlite(Box::pin(writer.acquire()).await?)
            }
        };
        Ok(Autocommit { inner, is_sound: true })
    }
}

impl Autocommit {
    /// Keeps the connection for the next caller, if it is sound. Dropping it instead closes the connection.
    pub fn keep(self) {
        if let Inner::Postgres(mut lease) = self.inner {
            lease.is_sound = self.is_sound;
        }
    }
}

impl Sql for Autocommit {
    fn conn(&mut self) -> Conn<'_> {
        self.is_sound = false;
        match &mut self.inner {
            Inner::Postgres(lease) => lease.lend(),
            Inner::Sqlite(connection) => Conn::Sqlite(connection),
        }
    }

    fn record_result<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        let done = match &mut self.inner {
            Inner::Postgres(lease) => lease.record_result(done),
            Inner::Sqlite(_) => done.map_err(SqlError::from),
        };
        let done = done.inspect_err(stop_at_failed_sync);
        self.is_sound = !done.as_ref().is_err_and(|error| error.is_cut_off() || error.leaves_the_connection_unknown());
        done
    }
}
