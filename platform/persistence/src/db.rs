use crate::pool::PostgresPool;
use crate::postgres::{Pooling, Server};
use crate::sqlite_file::SqliteFile;
use crate::tx::{Inner, Source};
use crate::{Autocommit, Connections, Read, SqlError, Tx};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A database: pools for writing and for reading.
#[derive(Clone)]
pub struct Db(pub(crate) Pools);

#[derive(Clone)]
pub(crate) enum Pools {
    Postgres {
        server: Arc<Server>,
        connections: Connections,
        writer: PostgresPool,
        reader: PostgresPool,
        /// For what commits by itself: it never waits for other writers.
        accepting: PostgresPool,
    },
    Sqlite {
        /// One connection: SQLite has one writer at a time, and a queue here is fair while its busy time-out is not.
        writer: SqlitePool,
        reader: SqlitePool,
        urgent: Arc<WriterPriority>,
        /// Last, so that it is closed last.
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

    /// As [`begin`](Self::begin), for work that nobody is waiting for: SQLite has one writer, and
    /// while others ask for it all the time this waits for its turn, but never longer than 100 ms.
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

    /// A connection to read from.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self) -> Result<Read, SqlError> {
        Ok(Read(match &self.0 {
            Pools::Postgres { reader, .. } => Source::Postgres(Box::pin(reader.begin()).await?),
            Pools::Sqlite { reader, .. } => Source::Sqlite(Box::pin(reader.acquire()).await?),
        }))
    }

    /// Opens every connection for reading and the one of [`autocommit`](Self::autocommit), before many who come at once
    /// make each their own: a PostgreSQL that uses SCRAM has ten milliseconds of work with each, and whoever is served
    /// meanwhile waits.
    pub async fn warm_up(&self) {
        if let Pools::Postgres { reader, .. } = &self.0 {
            // Where it does not answer, whoever needs it will say so.
            let _ = self.autocommit().await.map(Autocommit::keep);
            reader.warm_up().await;
        }
    }

    /// The database's kind, as people call it.
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

    /// Whether this process alone serves the database: a SQLite file whose lock it holds.
    #[must_use]
    pub fn is_served_here_alone(&self) -> bool {
        matches!(&self.0, Pools::Sqlite { file, .. } if file.is_served_here())
    }

    /// How many connections this process may have; `None` on SQLite.
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

    /// Resolves when the SQLite file is no longer the one that this process serves, with a sentence about it: whatever is
    /// written from then on is lost, or destroys what lies there now. Never for PostgreSQL.
    pub async fn replaced(&self) -> String {
        match &self.0 {
            Pools::Postgres { .. } => std::future::pending().await,
            Pools::Sqlite { file, .. } => file.replaced().await,
        }
    }

    /// What makes it doubtful that the database is whole, in a sentence.
    #[must_use]
    pub fn doubt(&self) -> Option<&str> {
        match &self.0 {
            Pools::Postgres { .. } => None,
            Pools::Sqlite { file, .. } => file.doubt.as_deref(),
        }
    }

    /// Closes every connection, waiting for those in use; on PostgreSQL for a few seconds, whatever is silent.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Postgres { writer, reader, accepting, .. } => {
                tokio::join!(reader.close(), accepting.close(), writer.close());
            }
            Pools::Sqlite { writer, reader, file, .. } => {
                file.begin_closing();
                reader.close().await;
                if file.is_served_here() {
                    unstamp(file, writer).await;
                } else {
                    writer.close().await;
                }
            }
        }
    }
}

/// Closes the writer, and takes the stamp off: a copy that is made later is whole. Where that fails it stays on.
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

/// Who is waited for and asks for SQLite's one writer.
#[derive(Default)]
pub(crate) struct WriterPriority(Mutex<Option<WriterRequests>>);

#[derive(Clone, Copy)]
struct WriterRequests {
    at: Instant,
    /// How often in a row, each not long after the one before.
    times: u32,
}

impl WriterPriority {
    /// One request may ask twice. Who asks a third time, each within this of the one before, is not alone: more will come.
    const MANY: u32 = 3;
    const LATELY: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_millis(100);
    const PAUSE: Duration = Duration::from_millis(5);

    fn last(&self) -> MutexGuard<'_, Option<WriterRequests>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn asked(&self) {
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

/// A deferred transaction that turns into a writer fails at once when another writes, whatever the time-out.
async fn begin_immediate(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    const BEGIN: &str = "begin immediate";
    match writer.begin_with(BEGIN).await {
        // When the disk is full SQLite rolls back by itself. sqlx never learns of it: on that connection
        // it would refuse to begin for ever, and there is no other.
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
    async fn who_is_not_waited_for_gives_way_while_others_come_and_never_for_long() {
        let urgent = WriterPriority::default();
        assert_eq!(waited(&urgent).await, Duration::ZERO, "nobody has asked");
        urgent.asked();
        urgent.asked();
        assert_eq!(waited(&urgent).await, Duration::ZERO, "one has, who was alone");
        urgent.asked();
        let many = waited(&urgent).await;
        assert!((WriterPriority::LATELY..WriterPriority::LONGEST).contains(&many), "several have: {many:?}");
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
