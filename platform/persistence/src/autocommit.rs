use crate::error::stop_at_failed_sync;
use crate::pool::Lease;
use crate::{Conn, Sql, SqlError};
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;

/// A connection on which each statement commits by itself, durably, before it returns.
///
/// On PostgreSQL it saves the two round trips that begin and commit a transaction. After a lost connection it is
/// unknown whether the statement was executed.
pub struct Autocommit {
    inner: AutocommitConnection,
    /// False if a statement was cancelled or the connection was lost.
    is_sound: bool,
}

pub(crate) enum AutocommitConnection {
    Postgres(Lease),
    Sqlite(PoolConnection<Sqlite>),
}

impl Autocommit {
    pub(crate) const fn new(inner: AutocommitConnection) -> Self {
        Self { inner, is_sound: true }
    }

    /// Keeps the connection for the next caller, if it is sound. Dropping it instead closes the connection.
    pub fn keep(self) {
        if let AutocommitConnection::Postgres(mut lease) = self.inner {
            lease.is_sound = self.is_sound;
        }
    }
}

impl Sql for Autocommit {
    fn conn(&mut self) -> Conn<'_> {
        self.is_sound = false;
        match &mut self.inner {
            AutocommitConnection::Postgres(lease) => lease.lend(),
            AutocommitConnection::Sqlite(connection) => Conn::Sqlite(connection),
        }
    }

    fn record_result<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        let done = match &mut self.inner {
            AutocommitConnection::Postgres(lease) => lease.record_result(done),
            AutocommitConnection::Sqlite(_) => done.map_err(SqlError::from),
        };
        let done = done.inspect_err(stop_at_failed_sync);
        self.is_sound = !done.as_ref().is_err_and(|error| error.is_cut_off() || error.leaves_the_connection_unknown());
        done
    }
}
