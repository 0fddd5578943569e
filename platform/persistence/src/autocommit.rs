use crate::db::Pools;
use crate::error::stop_at_failed_sync;
use crate::{Conn, Db, Sql, SqlError};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Sqlite};
use std::sync::{Arc, Mutex, PoisonError};

/// A connection whose statements commit each by itself, durably, before they return.
///
/// A transaction takes PostgreSQL three round trips more: to begin, to commit, and for the pool to ask whether the
/// connection still lives. Whether a statement was executed is not known when the connection was lost.
pub struct Autocommit {
    inner: Inner,
    /// Whether each statement came to an end, and not to that of the connection.
    is_sound: bool,
}

enum Inner {
    Postgres(PgConnection, Kept),
    Sqlite(PoolConnection<Sqlite>),
}

/// A connection that waits for who uses it next, and where another comes from.
#[derive(Clone)]
pub(crate) struct Kept {
    /// It is emptied at once: it only knows how to connect, how long to try, and when it is over.
    pub(crate) source: PgPool,
    idle: Arc<Mutex<Option<PgConnection>>>,
}

impl Kept {
    pub(crate) fn new(source: PgPool) -> Self {
        Self { source, idle: Arc::default() }
    }

    pub(crate) fn take(&self) -> Option<PgConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, connection: PgConnection) {
        if !self.source.is_closed() {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
    }
}

impl Db {
    /// On PostgreSQL a connection beside the pool, so that nobody else is waited for; on SQLite the one writer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn autocommit(&self) -> Result<Autocommit, SqlError> {
        let inner = match &self.0 {
            Pools::Postgres { kept, .. } => {
                let connection = match kept.take() {
                    Some(connection) => connection,
                    None => Box::pin(kept.source.acquire()).await?.detach(),
                };
                Inner::Postgres(connection, kept.clone())
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
        match self.inner {
            Inner::Postgres(connection, kept) if self.is_sound => kept.keep(connection),
            Inner::Postgres(..) | Inner::Sqlite(_) => {}
        }
    }
}

impl Sql for Autocommit {
    fn conn(&mut self) -> Conn<'_> {
        self.is_sound = false;
        match &mut self.inner {
            Inner::Postgres(connection, _) => Conn::Postgres(connection),
            Inner::Sqlite(connection) => Conn::Sqlite(connection),
        }
    }

    fn settle<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        let done = done.map_err(SqlError::from).inspect_err(stop_at_failed_sync);
        self.is_sound = !done.as_ref().is_err_and(SqlError::is_cut_off);
        done
    }
}
