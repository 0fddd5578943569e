use crate::error::stop_at_failed_sync;
use crate::pool::Lease;
use crate::{Conn, Sql, SqlError};
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, Transaction};

/// A transaction. Dropping it rolls it back.
///
/// It counts started and succeeded statements, and refuses to commit when the counts differ. In that case a statement
/// failed and its error was ignored, or a statement was abandoned. Without this check, `commit` would return Ok
/// although PostgreSQL had kept nothing and SQLite half.
pub struct Tx {
    inner: Inner,
    started: u32,
    succeeded: u32,
}

pub(crate) enum Inner {
    Postgres(Lease),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Tx {
    pub(crate) const fn new(inner: Inner) -> Self {
        Self { inner, started: 0, succeeded: 0 }
    }

    /// Commits. After an error it is unknown whether the database has committed: read the state, do not guess.
    ///
    /// # Errors
    /// When an earlier statement failed, or the database refuses the commit.
    pub async fn commit(self) -> Result<(), SqlError> {
        if self.started != self.succeeded {
            let reason = "a statement failed before: this transaction cannot be committed";
            return Err(sqlx::Error::Protocol(reason.into()).into());
        }
        let done = match self.inner {
            Inner::Postgres(mut lease) => lease.commit().await,
            Inner::Sqlite(tx) => tx.commit().await.map_err(SqlError::from),
        };
        done.inspect_err(stop_at_failed_sync)
    }
}

impl Sql for Tx {
    fn conn(&mut self) -> Conn<'_> {
        self.started += 1;
        match &mut self.inner {
            Inner::Postgres(lease) => lease.lend(),
            Inner::Sqlite(tx) => Conn::Sqlite(tx),
        }
    }

    fn record_result<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        self.succeeded += u32::from(done.is_ok());
        match &mut self.inner {
            Inner::Postgres(lease) => lease.record_result(done),
            Inner::Sqlite(_) => done.map_err(SqlError::from),
        }
    }
}

/// Reads outside a transaction. The database itself refuses writes through it.
pub struct Read(pub(crate) Source);

pub(crate) enum Source {
    Postgres(Lease),
    Sqlite(PoolConnection<Sqlite>),
}

impl Sql for Read {
    fn conn(&mut self) -> Conn<'_> {
        match &mut self.0 {
            Source::Postgres(lease) => lease.lend(),
            Source::Sqlite(conn) => Conn::Sqlite(conn),
        }
    }

    fn record_result<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        match &mut self.0 {
            Source::Postgres(lease) => lease.record_result(done),
            Source::Sqlite(_) => done.map_err(SqlError::from),
        }
    }
}
