use crate::db::Pools;
use crate::error::stop_at_failed_sync;
use crate::{Conn, Db, Sql, SqlError};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Sqlite};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// A connection whose statements commit each by itself, durably, before they return.
///
/// A transaction takes PostgreSQL three round trips more: to begin, to commit, and for the pool to ask whether the
/// connection still lives. Whether a statement was executed is not known when the connection was lost.
pub struct Autocommit(Inner);

enum Inner {
    Postgres(PgConnection, Kept),
    Sqlite(PoolConnection<Sqlite>),
}

/// Where a connection waits for who uses it next.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Option<PgConnection>>>);

impl Kept {
    pub(crate) fn take(&self) -> Option<PgConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, connection: PgConnection) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }
}

impl Db {
    /// On PostgreSQL a connection beside the pool, so that nobody else is waited for; on SQLite the one writer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn autocommit(&self) -> Result<Autocommit, SqlError> {
        Ok(Autocommit(match &self.0 {
            Pools::Postgres { writer, kept, .. } => {
                let connection = match kept.take() {
                    Some(connection) => connection,
                    None => connect(&writer.connect_options(), writer.options().get_acquire_timeout()).await?,
                };
                Inner::Postgres(connection, kept.clone())
            }
            Pools::Sqlite { writer, urgent, .. } => {
                urgent.asked();
                Inner::Sqlite(Box::pin(writer.acquire()).await?)
            }
        }))
    }
}

async fn connect(options: &PgConnectOptions, within: Duration) -> Result<PgConnection, SqlError> {
    let connected = timeout(within, Box::pin(PgConnection::connect_with(options))).await;
    Ok(connected.map_err(|_| sqlx::Error::PoolTimedOut)??)
}

impl Autocommit {
    /// Keeps the connection for whoever asks next. One that is dropped instead is closed: it may be dead.
    pub fn keep(self) {
        if let Inner::Postgres(connection, kept) = self.0 {
            kept.keep(connection);
        }
    }
}

impl Sql for Autocommit {
    fn conn(&mut self) -> Conn<'_> {
        match &mut self.0 {
            Inner::Postgres(connection, _) => Conn::Postgres(connection),
            Inner::Sqlite(connection) => Conn::Sqlite(connection),
        }
    }

    fn settle<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        done.map_err(SqlError::from).inspect_err(stop_at_failed_sync)
    }
}
