use crate::db::Pools;
use crate::postgres::{ANSWER, Access, CONNECT, Pooling, Server, within};
use crate::tx::Source;
use crate::{Db, Read, SqlError};
use sqlx::Acquire as _;
use sqlx::postgres::{PgListener, PgPoolOptions};
use std::mem::replace;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// After a failover, an old primary is a standby or read-only, while its connections stay open.
const WRONG_ROLE: &str = "select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'";

/// How often a quiet connection is asked whether it is well.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// From here on silence is suspected: if a new connection answers meanwhile, all old ones are given up.
const SUSPECT: Duration = Duration::from_secs(2);

/// What other processes on the same PostgreSQL say (`LISTEN`).
///
/// Its connection is asked once a second whether it is well, on behalf of all: one that is silent while a new one
/// answers, or that leads to a standby, is the end of the others, too.
pub struct Notifications {
    listener: PgListener,
    generation: u64,
    server: Arc<Server>,
    channel: String,
}

impl Db {
    /// Listens on a channel; `None` where there are no other processes to hear (SQLite).
    ///
    /// Behind a pooler that shares sessions among transactions nothing is heard.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listen(&self, channel: &str) -> Result<Option<Notifications>, SqlError> {
        let Pools::Postgres { server, .. } = &self.0 else { return Ok(None) };
        if server.pooling == Pooling::Transaction {
            tracing::warn!(
                "a pooler shares sessions of PostgreSQL among transactions, where LISTEN hears nothing: workers and \
                 waiting requests look once a second"
            );
        }
        let (server, channel) = (server.clone(), channel.to_owned());
        let generation = server.generation();
        let listener = listen(&server, &channel).await?;
        Ok(Some(Notifications { listener, generation, server, channel }))
    }

    /// Tells the other processes something, at most 8,000 bytes of it. Does nothing on SQLite.
    ///
    /// Never inside a business transaction, where `NOTIFY` takes a lock on the whole database at the commit.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn notify(&self, channel: &str, payload: &str) -> Result<(), SqlError> {
        let Pools::Postgres { server, writer, .. } = &self.0 else { return Ok(()) };
        if server.pooling == Pooling::Transaction {
            // No process could hear it.
            return Ok(());
        }
        let mut on = Read(Source::Postgres(Box::pin(writer.acquire()).await?));
        crate::execute!(&mut on, "select pg_notify($1, $2)", channel, payload)?;
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
            match timeout(HEARTBEAT, self.listener.try_recv()).await.map(|heard| heard.map_err(SqlError::from)) {
                Ok(Ok(Some(heard))) => return Ok(Some(heard.payload().to_owned())),
                Ok(Err(error)) if !error.is_disconnected() => return Err(error),
                Ok(Ok(None)) => self.server.retire(self.generation, &"the one that listens was lost"),
                Ok(Err(error)) => self.server.retire(self.generation, &error),
                Err(_) => {
                    if self.is_well().await {
                        continue;
                    }
                }
            }
            self.generation = self.server.generation();
            self.listener = listen(&self.server, &self.channel).await?;
            return Ok(None);
        }
    }

    /// Whether the connection answers, and leads to a server that may be used.
    async fn is_well(&mut self) -> bool {
        let fresh = {
            let mut asked = pin!(sqlx::query_scalar(WRONG_ROLE).fetch_one(&mut self.listener));
            let another = async {
                loop {
                    sleep(SUSPECT).await;
                    // Where no new one can be had either, nothing would be won by giving up the old ones.
                    if let Ok(fresh) = self.server.connect(Access::Write).await {
                        return fresh;
                    }
                }
            };
            tokio::select! {
                biased;
                answer = &mut asked => match answer {
                    Ok(false) => return true,
                    Ok(true) => {
                        self.server.retire(self.generation, &"PostgreSQL has become a standby, or read-only");
                        return false;
                    }
                    Err(error) => {
                        self.server.retire(self.generation, &error);
                        return false;
                    }
                },
                fresh = another => fresh,
            }
        };
        self.server.silent(self.generation);
        // A listener says farewell when it is dropped, and would wait for the answer for ever: it says so on the new one.
        if let Ok(silent) = self.listener.acquire().await {
            drop(replace(silent, fresh));
        }
        false
    }
}

/// On a connection of its own: one that died unused in the common pool would be no news.
async fn listen(server: &Arc<Server>, channel: &str) -> Result<PgListener, SqlError> {
    let preparing = server.clone();
    let alone = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(CONNECT)
        .after_connect(move |connection, _| {
            let server = preparing.clone();
            Box::pin(async move { server.prepare(connection, Access::Write).await })
        });
    let listening = async {
        let mut listener = PgListener::connect_with(&alone.connect_lazy_with(server.options.clone())).await?;
        listener.ignore_pool_close_event(true);
        listener.eager_reconnect(false);
        if server.pooling == Pooling::Session {
            listener.listen(channel).await?;
        }
        Ok(listener)
    };
    Ok(within(CONNECT + ANSWER, "listening", listening).await?)
}
