//! A bounded pool of connections to PostgreSQL with one kind of access.
//!
//! sqlx's own pool pings a connection that comes back, and waits for the answer for ever. When PostgreSQL allows
//! fewer connections than the pool may open, sqlx's pool waits for one that never comes back.

use crate::postgres::{ANSWER, Access, STATEMENT, Server, StatementTimeout, close, is_full, is_wrong_role};
use crate::{Conn, SqlError};
use sqlx::{Executor as _, PgConnection};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// How long a request waits for a connection before the database counts as unavailable.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long a connection may be unused and still be trusted without a ping.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// The maximum age of a connection, so that what PostgreSQL remembers for it does not grow for ever.
const OLDEST: Duration = Duration::from_secs(30 * 60);
/// Connections unused for this long are closed.
const UNUSED: Duration = Duration::from_secs(10 * 60);
/// How long a pool keeps to the number of connections that it got before it tries to open one more.
const CONTENT: Duration = Duration::from_secs(10);
/// How many connections a pool keeps while another pool of the process has too few.
const KEPT: usize = 2;
/// How long closing waits for connections in use.
const CLOSING: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(crate) struct PostgresPool(Arc<Shared>);

pub(crate) struct Shared {
    server: Arc<Server>,
    access: Access,
    most: usize,
    permits: Arc<Semaphore>,
    open: Arc<AtomicUsize>,
    rest: Mutex<IdleConnections>,
}

struct IdleConnections {
    unused: Vec<(OpenConnection, Instant)>,
    /// Permits taken away because PostgreSQL allows no connections for them.
    withheld: usize,
    withheld_at: Instant,
    /// Connections to close when they come back, because another pool has none.
    owed: usize,
}

/// An open connection, included in the pool's count.
struct OpenConnection {
    connection: PgConnection,
    generation: u64,
    born: Instant,
    _counted: Counted,
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PostgresPool {
    pub(crate) fn new(server: &Arc<Server>, access: Access, most: usize) -> Self {
        let rest = IdleConnections { unused: Vec::new(), withheld: 0, withheld_at: Instant::now(), owed: 0 };
        let shared = Arc::new(Shared {
            server: server.clone(),
            access,
            most,
            permits: Arc::new(Semaphore::new(most)),
            open: Arc::default(),
            rest: Mutex::new(rest),
        });
        server.pools().push(Arc::downgrade(&shared));
        Self(shared)
    }

    /// Takes a connection that has answered within the last second, or is new.
    pub(crate) async fn acquire(&self) -> Result<Lease, SqlError> {
        timeout(ACQUIRE, self.get(false)).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
    }

    /// Takes a connection and begins a transaction, unless its kind of access needs none. A connection that died
    /// while unused fails at `begin`, when nothing has been done yet.
    pub(crate) async fn begin(&self) -> Result<Lease, SqlError> {
        let begin = async {
            let begin = self.0.server.begin(self.0.access);
            loop {
                let mut lease = self.get(begin.is_some()).await?;
                let Some(begin) = begin else { return Ok(lease) };
                let is_new = lease.is_new;
                match lease.command(begin, ANSWER).await {
                    Err(error) if !is_new && error.is_cut_off() => {}
                    Err(error) => return Err(error),
                    Ok(()) => {
                        lease.is_in_transaction = true;
                        return Ok(lease);
                    }
                }
            }
        };
        // The time to get a connection, plus the time to find one silent.
        timeout(ACQUIRE + ANSWER, begin).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
    }

    /// Opens the missing connections one after another, until one fails.
    pub(crate) async fn warm_up(&self) {
        while self.0.open.load(Ordering::Relaxed) < self.0.most
            && let Ok(permit) = self.0.permits.clone().try_acquire_owned()
            && let Ok(live) = self.connect().await
        {
            self.0.put_to_rest(live, permit);
        }
    }

    /// Closes every connection, and waits up to three seconds for those in use.
    pub(crate) async fn close(&self) {
        self.0.permits.close();
        let unused = std::mem::take(&mut self.0.rest().unused);
        futures::future::join_all(unused.into_iter().map(|(live, _)| close(live.connection))).await;
        let give_up = Instant::now() + CLOSING;
        while self.0.open.load(Ordering::Relaxed) > 0 && Instant::now() < give_up {
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// `is_asked`: the caller at once runs a statement without effects, which shows whether the connection works.
    async fn get(&self, is_asked: bool) -> Result<Lease, SqlError> {
        let mut pause = Duration::from_millis(10);
        loop {
            self.0.restore_one();
            let permit = self.0.permits.clone().acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let mut lease = Lease::new(self, permit);
            while let Some((live, since)) = self.0.take_from_rest() {
                lease.live = Some(live);
                if is_asked || since.elapsed() < ASK_AFTER || lease.ping().await.is_ok() {
                    return Ok(lease);
                }
                lease.live = None;
                lease.is_sound = true;
            }
            let error = match self.connect().await {
                Ok(live) => {
                    lease.live = Some(live);
                    lease.is_new = true;
                    return Ok(lease);
                }
                Err(error) => error,
            };
            if is_full(&error) {
                if self.0.make_room().await {
                    continue;
                }
                // Make do with the connections that exist.
                match self.0.withhold(lease) {
                    Ok(()) => continue,
                    Err(kept) => lease = kept,
                }
            } else if !is_starting(&error) {
                return Err(error.into());
            }
            drop(lease);
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }

    async fn connect(&self) -> Result<OpenConnection, sqlx::Error> {
        let generation = self.0.server.generation();
        let connection = Box::pin(self.0.server.connect(self.0.access)).await?;
        Ok(OpenConnection { connection, generation, born: Instant::now(), _counted: Counted::new(&self.0.open) })
    }
}

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open.clone())
    }
}

/// Whether the server does not listen yet or is starting. It may be available in a moment.
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        error => error.as_database_error().and_then(|error| error.code()).as_deref() == Some("57P03"),
    }
}

impl Shared {
    fn rest(&self) -> MutexGuard<'_, IdleConnections> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection must be closed instead of used again.
    fn is_over(&self, live: &OpenConnection) -> bool {
        self.permits.is_closed() || live.generation < self.server.generation() || live.born.elapsed() > OLDEST
    }

    fn take_from_rest(&self) -> Option<(OpenConnection, Instant)> {
        loop {
            let (live, since) = self.rest().unused.pop()?;
            if !self.is_over(&live) {
                return Some((live, since));
            }
            drop(live);
        }
    }

    fn put_to_rest(&self, live: OpenConnection, permit: OwnedSemaphorePermit) {
        if self.is_over(&live) {
            return farewell(live, Some(permit));
        }
        let mut rest = self.rest();
        if rest.owed > 0 {
            (rest.owed, rest.withheld, rest.withheld_at) = (rest.owed - 1, rest.withheld + 1, Instant::now());
            drop(rest);
            permit.forget();
            return farewell(live, None);
        }
        let unused = rest.unused.iter().take_while(|(_, since)| since.elapsed() > UNUSED).count();
        let unused: Vec<_> = rest.unused.drain(..unused).collect();
        rest.unused.push((live, Instant::now()));
        drop(rest);
        unused.into_iter().for_each(|(live, _)| farewell(live, None));
        // A request that waits for the permit finds the connection.
        drop(permit);
    }

    pub(crate) fn drop_retired(&self) {
        let generation = self.server.generation();
        let mut rest = self.rest();
        let (kept, retired) =
            std::mem::take(&mut rest.unused).into_iter().partition(|(live, _)| live.generation >= generation);
        rest.unused = kept;
        drop(rest);
        drop::<Vec<_>>(retired);
    }

    /// Withholds the lease's permit for a while, because PostgreSQL allows no more connections. Fails for the last
    /// permit, and when no connection is open that could come back.
    fn withhold(&self, mut lease: Lease) -> Result<(), Lease> {
        let mut rest = self.rest();
        if self.open.load(Ordering::Relaxed) == 0 || rest.withheld + 1 >= self.most {
            drop(rest);
            return Err(lease);
        }
        (rest.withheld, rest.withheld_at) = (rest.withheld + 1, Instant::now());
        drop(rest);
        if let Some(permit) = lease.permit.take() {
            permit.forget();
        }
        Ok(())
    }

    fn restore_one(&self) {
        let mut rest = self.rest();
        if rest.withheld > 0 && rest.withheld_at.elapsed() > CONTENT {
            (rest.withheld, rest.withheld_at) = (rest.withheld - 1, Instant::now());
            self.permits.add_permits(1);
        }
    }

    /// Makes room after PostgreSQL refused a connection. It closes an unused connection of a larger pool, and returns
    /// whether it did. If there is none and this pool has no connection, the next one that comes back to the larger
    /// pool is closed.
    async fn make_room(self: &Arc<Self>) -> bool {
        let pools: Vec<_> = self.server.pools().iter().filter_map(Weak::upgrade).collect();
        let own = self.open.load(Ordering::Relaxed);
        let others = || {
            pools.iter().filter(|pool| !Arc::ptr_eq(pool, self) && pool.open.load(Ordering::Relaxed) > KEPT.max(own))
        };
        for pool in others() {
            let given = { pool.rest().unused.pop() };
            if let Some((live, _)) = given {
                if let Ok(permit) = pool.permits.try_acquire() {
                    permit.forget();
                    let mut rest = pool.rest();
                    (rest.withheld, rest.withheld_at) = (rest.withheld + 1, Instant::now());
                }
                close(live.connection).await;
                return true;
            }
        }
        if own == 0
            && let Some(pool) = others().next()
        {
            let mut rest = pool.rest();
            rest.owed = rest.owed.max(1);
        }
        false
    }
}

/// Closes a connection in the background. Until then the connection counts, and its permit is not free.
fn farewell(live: OpenConnection, permit: Option<OwnedSemaphorePermit>) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            let OpenConnection { connection, _counted, .. } = live;
            close(connection).await;
            drop((_counted, permit));
        });
    }
}

/// A connection in use. Dropping it returns the connection to the pool if it is sound, after a rollback if need be.
pub(crate) struct Lease {
    live: Option<OpenConnection>,
    pool: Arc<Shared>,
    permit: Option<OwnedSemaphorePermit>,
    is_new: bool,
    /// A statement has begun, and its end was not seen.
    is_busy: bool,
    pub(crate) is_in_transaction: bool,
    pub(crate) is_sound: bool,
}

impl Lease {
    fn new(pool: &PostgresPool, permit: OwnedSemaphorePermit) -> Self {
        Self {
            live: None,
            pool: pool.0.clone(),
            permit: Some(permit),
            is_new: false,
            is_busy: false,
            is_in_transaction: false,
            is_sound: true,
        }
    }

    #[expect(clippy::expect_used, reason = "a pool hands out a lease with its connection, which only the end takes")]
    fn connection(&mut self) -> (&mut PgConnection, StatementTimeout) {
        self.is_busy = true;
        let live = self.live.as_mut().expect("an open connection");
        (&mut live.connection, StatementTimeout { server: self.pool.server.clone(), generation: live.generation })
    }

    /// Lends the connection for one statement.
    pub(crate) fn lend(&mut self) -> Conn<'_> {
        let (connection, patience) = self.connection();
        Conn::Postgres(connection, patience)
    }

    /// Records how a statement ended. An error may make this connection unsound, and may retire all connections.
    pub(crate) fn record_result<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        self.is_busy = false;
        done.map_err(SqlError::from).inspect_err(|error| self.note_error(error))
    }

    fn note_error(&mut self, error: &SqlError) {
        if error.leaves_the_connection_unknown() {
            self.is_sound = false;
        }
        let is_refused_writer = is_wrong_role(error) && self.pool.access == Access::Write;
        if error.is_cut_off() && (is_refused_writer || !is_wrong_role(error)) {
            self.is_sound = false;
            if let Some(live) = &self.live {
                self.pool.server.retire(live.generation, error);
            }
        }
    }

    /// Runs a statement that has no parameters and no rows.
    pub(crate) async fn command(&mut self, sql: &'static str, limit: Duration) -> Result<(), SqlError> {
        let (connection, patience) = self.connection();
        let done = Box::pin(patience.wait_for(sql, limit, connection.execute(sql))).await;
        self.record_result(done.map(drop))
    }

    async fn ping(&mut self) -> Result<(), SqlError> {
        // PostgreSQL answers an empty statement itself; a pooler does not answer in its place.
        self.command("", ANSWER).await
    }

    const fn rolled_back(&mut self) {
        self.is_in_transaction = false;
        self.is_sound = true;
    }

    /// Commits the transaction.
    pub(crate) async fn commit(&mut self) -> Result<(), SqlError> {
        self.command("commit", STATEMENT).await?;
        self.is_in_transaction = false;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(live), Some(permit)) = (self.live.take(), self.permit.take()) else { return };
        if !self.is_sound {
            return;
        }
        if !self.is_busy && !self.is_in_transaction {
            return self.pool.put_to_rest(live, permit);
        }
        // PostgreSQL is still executing an abandoned statement.
        let limit = if self.is_busy { STATEMENT } else { ANSWER };
        let Ok(runtime) = Handle::try_current() else { return };
        let pool = self.pool.clone();
        // Unsound until the rollback has succeeded: if the runtime ends meanwhile, the connection ends with it.
        let mut lease = Self {
            live: Some(live),
            pool,
            permit: Some(permit),
            is_new: false,
            is_busy: true,
            is_in_transaction: true,
            is_sound: false,
        };
        runtime.spawn(async move {
            if lease.command("rollback", limit).await.is_ok() {
                lease.rolled_back();
            }
        });
    }
}
