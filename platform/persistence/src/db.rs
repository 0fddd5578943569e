use crate::autocommit::AutocommitConnection;
use crate::pool::PostgresPool;
use crate::postgres::{Pooling, Server};
use crate::sqlite_file::SqliteFile;
use crate::tx::{Inner, Source};
use crate::{Autocommit, Connections, Read, SqlError, Tx};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A database, with separate pools for writing and for reading.
#[derive(Clone)]
pub struct Db(pub(crate) Pools);

#[derive(Clone)]
pub(crate) enum Pools {
    Postgres {
        server: Arc<Server>,
        connections: Connections,
        writer: PostgresPool,
        reader: PostgresPool,
        /// For [`BatchLoader`](crate::BatchLoader)s, so that they never wait for long reads.
        batches: PostgresPool,
        /// For autocommit statements, which never wait for other writers.
        accepting: PostgresPool,
    },
    Sqlite {
        /// One connection, because SQLite has one writer at a time. This pool's queue is fair, while SQLite's busy
        /// timeout is not.
        writer: SqlitePool,
        reader: SqlitePool,
        batches: SqlitePool,
        urgent: Arc<WriterPriority>,
        /// The last field, so that the file is closed last.
        file: Arc<SqliteFile>,
    },
}

impl Db {
    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<Tx, SqlError> {
        let inner = match &self.0 {
            Pools::Postgres { writer, .. } => Inner::Postgres(Box::pin(writer.begin()).await?),
            Pools::Sqlite { writer, urgent, .. } => {
                urgent.asked();
                Inner::Sqlite(Box::pin(begin_immediate(writer)).await?)
            }
        };
        Ok(Tx::new(inner))
    }

    /// Like [`begin`](Self::begin), for work that no client waits for. SQLite has one writer: while clients ask for
    /// it again and again, this call first waits, but never longer than 100 ms.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_low_priority(&self) -> Result<Tx, SqlError> {
        match &self.0 {
            Pools::Postgres { .. } => self.begin().await,
            Pools::Sqlite { writer, urgent, .. } => {
                urgent.yield_to_writers().await;
                Ok(Tx::new(Inner::Sqlite(Box::pin(begin_immediate(writer)).await?)))
            }
        }
    }

    /// Takes a connection that can only read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self) -> Result<Read, SqlError> {
        Ok(Read(match &self.0 {
            Pools::Postgres { reader, .. } => Source::Postgres(Box::pin(reader.begin()).await?),
            Pools::Sqlite { reader, .. } => Source::Sqlite(Box::pin(reader.acquire()).await?),
        }))
    }

    /// Like [`read`](Self::read), for one query that answers many requests.
    pub(crate) async fn read_batch(&self) -> Result<Read, SqlError> {
        Ok(Read(match &self.0 {
            Pools::Postgres { batches, .. } => Source::Postgres(Box::pin(batches.begin()).await?),
            Pools::Sqlite { batches, .. } => Source::Sqlite(Box::pin(batches.acquire()).await?),
        }))
    }

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
                AutocommitConnection::Postgres(lease)
            }
            Pools::Sqlite { writer, urgent, .. } => {
                urgent.asked();
                AutocommitConnection::Sqlite(Box::pin(writer.acquire()).await?)
            }
        };
        Ok(Autocommit::new(inner))
    }

    /// Opens every reading connection and the one of [`autocommit`](Self::autocommit) at the start. Otherwise many
    /// simultaneous requests would each open one. With SCRAM, PostgreSQL works ten milliseconds for each, and other
    /// requests wait meanwhile.
    pub async fn warm_up(&self) {
        if let Pools::Postgres { reader, batches, .. } = &self.0 {
            // If PostgreSQL does not answer, the first request that needs it reports the error.
            let _ = self.autocommit().await.map(Autocommit::keep);
            batches.warm_up().await;
            reader.warm_up().await;
        }
    }

    /// The product name of the database.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.0 {
            Pools::Postgres { .. } => "PostgreSQL",
            Pools::Sqlite { .. } => "SQLite",
        }
    }

    /// Whether other processes may serve the same database.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(&self.0, Pools::Postgres { .. })
    }

    /// Whether this process alone serves the database: an SQLite file whose lock it holds.
    #[must_use]
    pub fn is_served_here_alone(&self) -> bool {
        matches!(&self.0, Pools::Sqlite { file, .. } if file.is_served_here())
    }

    /// The maximum number of connections of this process. `None` on SQLite.
    #[must_use]
    pub fn connections(&self) -> Option<Connections> {
        match &self.0 {
            Pools::Postgres { connections, .. } => Some(*connections),
            Pools::Sqlite { .. } => None,
        }
    }

    /// Whether a pooler between this process and PostgreSQL shares sessions among transactions.
    pub(crate) fn sessions_are_shared(&self) -> bool {
        matches!(&self.0, Pools::Postgres { server, .. } if server.pooling == Pooling::Transaction)
    }

    /// Resolves with a sentence about the cause when the SQLite file is no longer the one that this process serves.
    /// Anything written from then on is lost, or destroys the file that is there now. Never resolves on PostgreSQL.
    pub async fn replaced(&self) -> String {
        match &self.0 {
            Pools::Postgres { .. } => std::future::pending().await,
            Pools::Sqlite { file, .. } => file.replaced().await,
        }
    }

    /// A sentence about why the database may be incomplete, if there is a reason.
    #[must_use]
    pub fn doubt(&self) -> Option<&str> {
        match &self.0 {
            Pools::Postgres { .. } => None,
            Pools::Sqlite { file, .. } => file.doubt.as_deref(),
        }
    }

    /// Removes old versions of changed pages from SQLite's write-ahead log: until then the log holds what was deleted.
    /// Returns whether that was possible; if not, another connection is reading. Does nothing on PostgreSQL.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn erase_log(&self) -> Result<bool, SqlError> {
        let Pools::Sqlite { writer, .. } = &self.0 else { return Ok(true) };
        let (is_busy, _, _): (bool, i64, i64) =
            sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(writer).await?;
        Ok(!is_busy)
    }

    /// Closes every connection, after waiting for those in use. On PostgreSQL the wait ends after a few seconds.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Postgres { writer, reader, batches, accepting, .. } => {
                tokio::join!(reader.close(), batches.close(), accepting.close(), writer.close());
            }
            Pools::Sqlite { writer, reader, batches, file, .. } => {
                file.begin_closing();
                tokio::join!(reader.close(), batches.close());
                if file.is_served_here() {
                    unstamp(file, writer).await;
                } else {
                    writer.close().await;
                }
            }
        }
    }
}

/// Closes the writer and removes the stamp, so that a copy made later counts as complete. If that fails, the stamp
/// stays.
async fn unstamp(file: &SqliteFile, writer: &SqlitePool) {
    let stamp = file.stamp().unwrap_or_default();
    let is_recorded = file.record(&[stamp, 0]).is_ok();
    if is_recorded {
        let _ = sqlx::query("pragma user_version = 0").execute(writer).await;
    }
    writer.close().await;
    if is_recorded && file.stamp().is_ok_and(|stamp| stamp == 0) {
        let _ = file.record(&[0]);
    }
}

/// The recent requests for SQLite's one writer by code that a client waits for.
#[derive(Default)]
pub(crate) struct WriterPriority(Mutex<Option<WriterRequests>>);

#[derive(Clone, Copy)]
struct WriterRequests {
    at: Instant,
    /// Requests in a row, each within `LATELY` of the one before.
    times: u32,
}

impl WriterPriority {
    /// One request takes the writer at most twice. A third acquisition within `LATELY` means that several clients are
    /// active.
    const MANY: u32 = 3;
    const LATELY: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_millis(100);
    const PAUSE: Duration = Duration::from_millis(5);

    fn last(&self) -> MutexGuard<'_, Option<WriterRequests>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) {
        let mut last = self.last();
        let before = last.filter(|last| last.at.elapsed() < Self::LATELY).map_or(0, |last| last.times);
        *last = Some(WriterRequests { at: Instant::now(), times: before.saturating_add(1) });
    }

    async fn yield_to_writers(&self) {
        let begun = Instant::now();
        while begun.elapsed() < Self::LONGEST && self.is_asked_for() {
            sleep(Self::PAUSE).await;
        }
    }

    fn is_asked_for(&self) -> bool {
        self.last().is_some_and(|last| last.times >= Self::MANY && last.at.elapsed() < Self::LATELY)
    }
}

/// Begins an immediate transaction. A deferred one that becomes a writer fails at once when another one writes,
/// whatever the busy timeout.
async fn begin_immediate(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    const BEGIN: &str = "begin immediate";
    match writer.begin_with(BEGIN).await {
        // When the disk is full, SQLite rolls back by itself. sqlx does not notice, and would refuse to begin on this
        // connection for ever. There is no other connection.
        Err(sqlx::Error::InvalidSavePointStatement) => {
            writer.acquire().await?.close().await?;
            writer.begin_with(BEGIN).await
        }
        begun => begun,
    }
}

#[cfg(test)]
mod tests {
    use super::WriterPriority;
    use tokio::time::{Duration, Instant, sleep};

    async fn waited(urgent: &WriterPriority) -> Duration {
        let begun = Instant::now();
        urgent.yield_to_writers().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn low_priority_work_waits_while_clients_write_but_never_for_long() {
        let urgent = WriterPriority::default();
        assert_eq!(waited(&urgent).await, Duration::ZERO, "no client has asked");
        urgent.asked();
        urgent.asked();
        assert_eq!(waited(&urgent).await, Duration::ZERO, "one client alone has asked");
        urgent.asked();
        let many = waited(&urgent).await;
        assert!(
            (WriterPriority::LATELY..WriterPriority::LONGEST).contains(&many),
            "several clients have asked: {many:?}"
        );
        (0..WriterPriority::MANY).for_each(|_| urgent.asked());
        let asking = async {
            loop {
                urgent.asked();
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            biased;
            () = asking => {}
            waited = waited(&urgent) => assert!((WriterPriority::LONGEST..WriterPriority::LONGEST * 2).contains(&waited), "{waited:?}"),
        }
    }
}
