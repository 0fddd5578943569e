use crate::db::Pools;
use crate::{Db, SqlError};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

/// What other processes on the same PostgreSQL say (`LISTEN`).
pub struct Notifications {
    listener: PgListener,
    server: PgConnectOptions,
    channel: String,
}

impl Db {
    /// Listens on a channel; `None` where there are no other processes to hear (SQLite).
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listen(&self, channel: &str) -> Result<Option<Notifications>, SqlError> {
        let Pools::Postgres { writer, .. } = &self.0 else { return Ok(None) };
        let (server, channel) = (PgConnectOptions::clone(&writer.connect_options()), channel.to_owned());
        let listener = listen(&server, &channel).await?;
        Ok(Some(Notifications { listener, server, channel }))
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
        match self.listener.try_recv().await.map_err(SqlError::from) {
            Ok(Some(said)) => return Ok(Some(said.payload().to_owned())),
            Err(error) if !error.is_disconnected() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        self.listener = listen(&self.server, &self.channel).await?;
        Ok(None)
    }
}

/// On a connection of its own: one that died unused in the common pool would be no news.
async fn listen(server: &PgConnectOptions, channel: &str) -> Result<PgListener, SqlError> {
    let alone = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let mut listener = PgListener::connect_with(&alone.connect_with(server.clone()).await?).await?;
    listener.ignore_pool_close_event(true);
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    Ok(listener)
}
