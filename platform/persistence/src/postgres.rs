//! State that all connections to one PostgreSQL share: how they are opened, how long the process waits for an answer, and
//! when all of them are retired.

use crate::pool::Shared;
use crate::{OpenError, SqlError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long opening a connection may take, sign-in and settings included.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// Timeout for statements that need no work: a ping, `begin`, `rollback`.
pub(crate) const ANSWER: Duration = Duration::from_secs(3);
/// Timeout for any other statement, including a commit. It is longer than PostgreSQL's own timeout, so that long work
/// is not mistaken for silence.
pub(crate) const STATEMENT: Duration = Duration::from_secs(17);
/// After this time a statement is abandoned if another connection of the same generation has been found silent.
const SUSPECT: Duration = Duration::from_secs(2);
/// Timeout for an orderly close.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);

/// The session settings. They are set after connecting, because pgbouncer refuses or ignores `options` in the
/// start-up packet.
/// A stopped process must not hold rows for ever, and PostgreSQL must notice that a client is gone. JIT is off,
/// because compiling a short statement takes many times as long as running it.
macro_rules! guards {
    ($set:literal) => {
        concat!(
            $set,
            " statement_timeout = '15s'; ",
            $set,
            " lock_timeout = '10s'; ",
            $set,
            " idle_in_transaction_session_timeout = '30s'; ",
            $set,
            " jit = off; "
        )
    };
}
macro_rules! keepalive {
    () => {
        "set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3; \
         set tcp_user_timeout = 30000; "
    };
}
macro_rules! role {
    () => {
        "select pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"
    };
}
const ROLE: &str = role!();
const WRITER: &str = concat!(guards!("set"), keepalive!(), role!());
/// Reads the state of the server before the session becomes read-only.
const READER: &str = concat!(
    guards!("set"),
    keepalive!(),
    "select pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on', \
     set_config('default_transaction_read_only', 'on', false)"
);
const BEGIN_GUARDED: &str = concat!("begin; ", guards!("set local"));
const BEGIN_READING: &str = concat!("begin read only; ", guards!("set local"));

/// What a connection may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
}

/// How our connections map to sessions of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// One session for as long as the connection lives.
    Session,
    /// A pooler may use another session for each transaction, so nothing that a session remembers can be relied on.
    Transaction,
}

/// The current generation of connections, and the one before which all connections were found silent.
#[derive(Debug, Clone, Copy, Default)]
struct Generations {
    current: u64,
    silent_before: u64,
}

pub(crate) struct Server {
    pub(crate) options: PgConnectOptions,
    pub(crate) pooling: Pooling,
    generations: watch::Sender<Generations>,
    pools: Mutex<Vec<Weak<Shared>>>,
}

impl Server {
    pub(crate) fn new(options: PgConnectOptions, pooling: Pooling) -> Arc<Self> {
        Arc::new(Self { options, pooling, generations: watch::Sender::default(), pools: Mutex::default() })
    }

    pub(crate) fn pools(&self) -> MutexGuard<'_, Vec<Weak<Shared>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generations.borrow().current
    }

    /// Opens a connection, applies its settings and checks whether this server may be used. A standby is always
    /// refused, because its answers may be older than a revocation.
    pub(crate) async fn connect(&self, access: Access) -> Result<PgConnection, sqlx::Error> {
        within(CONNECT, "connecting", async {
            let mut connection = PgConnection::connect_with(&self.options).await?;
            self.prepare(&mut connection, access).await?;
            Ok(connection)
        })
        .await
    }

    pub(crate) async fn prepare(&self, connection: &mut PgConnection, access: Access) -> Result<(), sqlx::Error> {
        let sql = match (self.pooling, access) {
            (Pooling::Transaction, _) => ROLE,
            (Pooling::Session, Access::Write) => WRITER,
            (Pooling::Session, Access::Read) => READER,
        };
        let row = sqlx::raw_sql(sql).fetch_one(connection).await?;
        let (is_standby, is_read_only): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
        if is_standby {
            return Err(
                io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "PostgreSQL is a standby at this address").into()
            );
        }
        // A server that is read-only after a failover gives readers outdated answers.
        if is_read_only {
            let why = "PostgreSQL is read-only for this role (default_transaction_read_only)";
            return Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, why).into());
        }
        Ok(())
    }

    /// The statement that begins a transaction. `None` where a single read needs no transaction.
    pub(crate) const fn begin(&self, access: Access) -> Option<&'static str> {
        match (self.pooling, access) {
            (Pooling::Session, Access::Write) => Some("begin"),
            (Pooling::Session, Access::Read) => None,
            (Pooling::Transaction, Access::Write) => Some(BEGIN_GUARDED),
            (Pooling::Transaction, Access::Read) => Some(BEGIN_READING),
        }
    }

    /// Retires every connection of this generation and of earlier ones, once. Unused connections are closed now, and
    /// those in use when they come back.
    pub(crate) fn retire(&self, generation: u64, why: &dyn std::fmt::Display) {
        self.next_generation(generation, false, why);
    }

    /// Like [`retire`](Self::retire), and also abandons statements that have waited on such connections for a while.
    pub(crate) fn silent(&self, generation: u64) {
        self.next_generation(generation, true, &"PostgreSQL does not answer on them");
    }

    fn next_generation(&self, generation: u64, is_silent: bool, why: &dyn std::fmt::Display) {
        let mut is_first = false;
        self.generations.send_if_modified(|generations| {
            is_first = generations.current == generation;
            generations.current = generations.current.max(generation + 1);
            let is_news = is_silent && generations.silent_before <= generation;
            if is_news {
                generations.silent_before = generation + 1;
            }
            is_first || is_news
        });
        if is_first {
            tracing::warn!(%why, "the connections to PostgreSQL are replaced");
            let pools: Vec<_> = self.pools().iter().filter_map(Weak::upgrade).collect();
            pools.iter().for_each(|pool| pool.drop_retired());
        }
    }
}

/// Bounds the wait for the answer to one statement.
pub struct StatementTimeout {
    pub(crate) server: Arc<Server>,
    pub(crate) generation: u64,
}

impl StatementTimeout {
    /// Waits for the answer to a statement until its timeout, or until its generation of connections is found silent.
    ///
    /// # Errors
    /// The statement's own error, or a timeout. After a timeout it is unknown whether the statement was executed.
    #[doc(hidden)]
    pub async fn wait<T>(
        self,
        sql: &'static str,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        self.wait_for(sql, STATEMENT, asked).await
    }

    pub(crate) async fn wait_for<T>(
        self,
        sql: &'static str,
        limit: Duration,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let Self { server, generation } = self;
        let begun = Instant::now();
        let found_silent = async {
            sleep_until(begun + SUSPECT).await;
            let mut generations = server.generations.subscribe();
            // The sender lives as long as `server`.
            let _ = generations.wait_for(|generations| generations.silent_before > generation).await;
        };
        tokio::select! {
            biased;
            done = asked => return done,
            () = found_silent => {}
            () = sleep(limit) => {}
        }
        let seconds = begun.elapsed().as_secs_f32();
        tracing::warn!(seconds, sql, "PostgreSQL did not answer a statement: its connection is dropped");
        server.silent(generation);
        Err(silence(sql))
    }
}

fn silence(what: &str) -> sqlx::Error {
    let verb = what.split_whitespace().next().unwrap_or_default();
    io::Error::new(io::ErrorKind::TimedOut, format!("PostgreSQL did not answer in time ({verb})")).into()
}

pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, asked).await.unwrap_or_else(|_| Err(silence(what)))
}

/// Closes a connection in order, so that PostgreSQL logs no error, and waits at most one second for that.
pub(crate) async fn close(connection: PgConnection) {
    // The connection may be gone or silent already.
    let _ = timeout(FAREWELL, connection.close()).await;
}

/// Whether the server, or a pooler in front of it, has reached its maximum number of connections.
pub(crate) fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        // A pooler has one code for all its own errors.
        error.code().as_deref() == Some("53300") || error.message().contains("no more connections allowed")
    })
}

/// Finds out whether a pooler shares sessions among transactions. Then two connections reach the same process of
/// PostgreSQL, or one connection reaches two.
///
/// # Errors
/// When PostgreSQL does not answer, or the pooler mixes up prepared statements.
pub(crate) async fn pooling(options: &PgConnectOptions) -> Result<Pooling, OpenError> {
    const ROUNDS: usize = 3;
    let connect = || within(CONNECT, "connecting", PgConnection::connect_with(options));
    let mut first = connect().await.map_err(OpenError::connecting)?;
    let Ok(mut second) = connect().await else {
        // Only one connection can be opened. It counts as a session of its own.
        close(first).await;
        return Ok(Pooling::Session);
    };
    let mut found = Pooling::Session;
    let (mut at_first, mut at_second) = (None, None);
    for _ in 0..ROUNDS {
        let one = process(&mut first).await?;
        // A pooler that has one session, and keeps it for the first connection, lets the second one wait.
        let Ok(other) = timeout(ANSWER, process(&mut second)).await else { break };
        let other = other?;
        if one == other || *at_first.get_or_insert(one) != one || *at_second.get_or_insert(other) != other {
            found = Pooling::Transaction;
            break;
        }
    }
    tokio::join!(close(first), close(second));
    Ok(found)
}

async fn process(connection: &mut PgConnection) -> Result<i32, OpenError> {
    // Prepared under the same name on each connection: a pooler that mixes statements up fails here.
    let asked = sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection);
    within(CONNECT, "select", asked).await.map_err(|error| {
        match error.as_database_error().and_then(|error| error.code()).as_deref() {
            Some("26000" | "42P05") => OpenError::Unfit(format!(
                "the pooler before PostgreSQL shares sessions among transactions and mixes prepared statements up \
                 ({error}): set pool_mode = session, or use pgbouncer 1.21 or newer with max_prepared_statements = 200"
            )),
            _ => OpenError::connecting(error),
        }
    })
}

/// Whether the error means that this connection leads to a server that refuses writes.
pub(crate) fn is_wrong_role(error: &SqlError) -> bool {
    error.code().as_deref() == Some("25006")
}
