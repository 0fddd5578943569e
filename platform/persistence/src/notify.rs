use crate::db::Pools;
use crate::{Db, SqlError};
use sqlx::postgres::PgListener;

/// What other processes on the same PostgreSQL say (`LISTEN`).
pub struct Notifications(PgListener);

impl Db {
    /// Listens on a channel; `None` where there are no other processes to hear (SQLite).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listen(&self, channel: &str) -> Result<Option<Notifications>, SqlError> {
        let Pools::Postgres { writer, .. } = &self.0 else { return Ok(None) };
        let mut listener = PgListener::connect_with(writer).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(channel).await?;
        Ok(Some(Notifications(listener)))
    }

    /// Tells the other processes something, at most 8,000 bytes of it. Does nothing on SQLite.
    ///
    /// Never inside a business transaction, where `NOTIFY` takes a lock on the whole database at the commit.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn notify(&self, channel: &str, payload: &str) -> Result<(), SqlError> {
        if let Pools::Postgres { writer, .. } = &self.0 {
            sqlx::query("select pg_notify($1, $2)").bind(channel).bind(payload).execute(writer).await?;
        }
        Ok(())
    }
}

impl Notifications {
    /// The next payload; `None` when the connection was lost and what was said meanwhile is lost too.
    /// It connects again by itself.
    ///
    /// # Errors
    /// When it cannot connect again.
    pub async fn next(&mut self) -> Result<Option<String>, SqlError> {
        loop {
            match self.0.try_recv().await.map_err(SqlError::from) {
                // The server's last words. What follows is the end of the connection, and a new one.
                Err(error) if error.is_farewell() => {}
                said => return Ok(said?.map(|said| said.payload().to_owned())),
            }
        }
    }
}
