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

/// Whether the server is a standby or read-only. After a failover, connections to the old primary stay open.
const WRONG_ROLE: &str = "select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'";

/// How often a quiet connection is checked.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// When a check takes this long, the connection is suspect. If a new connection answers meanwhile, all old ones are
/// retired.
const SUSPECT: Duration = Duration::from_secs(2);

/// The notifications of other processes on the same PostgreSQL (`LISTEN`).
///
/// Its connection is checked once a second, on behalf of all connections. If it is silent while a new one answers, or
/// if it leads to a standby, all connections are retired.
pub struct Notifications {
    listener: PgListener,
    generation: u64,
    server: Arc<Server>,
    channel: String,
}

impl Db {
    /// Listens on a channel. Returns `None` on SQLite, where there are no other processes.
    ///
    /// Behind a pooler that shares sessions among transactions, no notification arrives.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listen(&self, channel: &str) -> Result<Option<Notifications>, SqlError> {
        let Pools::Postgres { server, .. } = &self.0 else { return Ok(None) };
        if server.pooling == Pooling::Transaction {
            tracing::warn!(
                "a pooler shares sessions of PostgreSQL among transactions, so LISTEN receives nothing: workers and \
                 waiting requests poll instead"
            );
        }
        let (server, channel) = (server.clone(), channel.to_owned());
        let generation = server.generation();
        let listener = listen(&server, &channel).await?;
        Ok(Some(Notifications { listener, generation, server, channel }))
    }

    /// Sends a payload of at most 8,000 bytes to the other processes. Does nothing on SQLite.
    ///
    /// MUST NOT be called in a business transaction, where `NOTIFY` takes a lock on the whole database at the commit.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn notify(&self, channel: &str, payload: &str) -> Result<(), SqlError> {
        let Pools::Postgres { server, writer, .. } = &self.0 else { return Ok(()) };
        if server.pooling == Pooling::Transaction {
            // No process could receive it.
            return Ok(());
        }
        let mut on = Read(Source::Postgres(Box::pin(writer.acquire()).await?));
        crate::execute!(&mut on, "select pg_notify($1, $2)", channel, payload)?;
        Ok(())
    }
}

impl Notifications {
    /// Waits for the next payload. Returns `None` when the connection was lost, and with it the payloads sent
    /// meanwhile. It reconnects by itself.
    ///
    /// # Errors
    /// When it cannot reconnect.
    pub async fn next(&mut self) -> Result<Option<String>, SqlError> {
        loop {
            match timeout(HEARTBEAT, self.listener.try_recv()).await.map(|heard| heard.map_err(SqlError::from)) {
                Ok(Ok(Some(heard))) => return Ok(Some(heard.payload().to_owned())),
                Ok(Err(error)) if !error.is_disconnected() => return Err(error),
                Ok(Ok(None)) => self.server.retire(self.generation, &"the listening connection was lost"),
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
                    // If no new connection can be opened either, retiring the old ones would gain nothing.
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
        // A dropped listener says goodbye and would wait for the answer for ever. Give it the new connection for
        // that.
        if let Ok(silent) = self.listener.acquire().await {
            drop(replace(silent, fresh));
        }
        false
    }
}

/// Opens a connection outside the pools to listen on. If it were in a pool, its death could go unnoticed.
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
