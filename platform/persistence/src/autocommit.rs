use crate::db::Pools;
use crate::error::stop_at_failed_sync;
use crate::pool::Lease;
use crate::{Conn, Db, Sql, SqlError};
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;

/// A connection whose statements commit each by itself, durably, before they return.
///
/// A transaction takes PostgreSQL two round trips more: to begin and to commit. Whether a statement was executed is not
/// known when the connection was lost.
pub struct Autocommit {
    inner: Inner,
    /// Whether each statement came to an end, and not to that of the connection.
    is_sound: bool,
}

enum Inner {
    Postgres(Lease),
    Sqlite(PoolConnection<Sqlite>),
}

impl Db {
    /// On PostgreSQL a connection beside the pool, so that nobody else is waited for; on SQLite the one writer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn autocommit(&self) -> Result<Autocommit, SqlError> {
        let inner = match &self.0 {
            Pools::Postgres { accepting, .. } => {
                let mut lease = Box::pin(accepting.acquire()).await?;
                // Unless it is kept.
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
    /// Keeps the connection for whoever asks next, if it is sound. One that is dropped instead is closed.
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
