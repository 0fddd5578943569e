//! How often somebody may do something. Counted in the database: across nodes and restarts.

mod counts;

use self::counts::{Key, PermitTaken};
use crate::{Problem, unavailable};
use persistence::{Db, Migration, Migrations, SqlError};
use std::time::Duration;
use tokio::time::sleep;

/// The table of limits.
pub const MIGRATIONS: Migrations = Migrations {
    context: "web",
    all: &[Migration {
        name: "limits",
        postgres: include_str!("../migrations/0001_limits.postgres.sql"),
        sqlite: include_str!("../migrations/0001_limits.sqlite.sql"),
    }],
};

const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// A limit. `burst * every` MUST be less than a day: what is counted for longer is taken for the work of a wrong clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Its name, `context.what_it_counts`. Each has counts of its own.
    pub name: &'static str,
    /// How many at once, at least 1.
    pub burst: u32,
    /// After each such time, one more.
    pub every: Duration,
}

/// What was taken. Dropped, it counts; see [`RateLimiter::give_back`].
#[derive(Debug)]
#[must_use = "it counts unless it is given back"]
pub struct Permit(Vec<PermitTaken>);

/// Why a limit gave no permit.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// There were too many.
    #[error("too many requests")]
    TooMany {
        /// When the next one is allowed.
        retry_after: Duration,
    },
    /// The count cannot be kept, so none is allowed.
    #[error(transparent)]
    Unavailable(#[from] SqlError),
}

impl LimitError {
    const fn too_many(retry_after: Duration) -> Self {
        Self::TooMany { retry_after }
    }
}

impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::TooMany { retry_after } => Self::too_many_requests(retry_after),
            LimitError::Unavailable(error) => unavailable(error),
        }
    }
}

/// The counts of all limits. Clones are the same.
#[derive(Clone)]
pub struct RateLimiter {
    db: Db,
    enforced: bool,
}

impl RateLimiter {
    /// Counts in this database. `enforced`: otherwise it never refuses and touches nothing.
    #[must_use]
    pub const fn new(db: Db, enforced: bool) -> Self {
        Self { db, enforced }
    }

    /// Whether they hold; not in load tests.
    pub(crate) const fn are_enforced(&self) -> bool {
        self.enforced
    }

    /// Takes one of what the limit allows whoever the key stands for.
    ///
    /// # Errors
    /// 429 `too_many_requests`, which took nothing and says when to come back; 503 when the count
    /// cannot be kept: then nobody passes.
    pub async fn acquire(&self, limit: &RateLimit, key: &[u8]) -> Result<Permit, LimitError> {
        self.take_all(&[(limit, key)]).await
    }

    /// Takes one of each, or of none.
    ///
    /// # Errors
    /// As [`take`](Self::take); the wait is the longest of those that refuse.
    pub async fn take_all(&self, wanted: &[(&RateLimit, &[u8])]) -> Result<Permit, LimitError> {
        self.try_all(wanted).await?.map_err(LimitError::too_many)
    }

    /// Takes one of each limit of the first alternative whose limits all have room, or nothing. Two
    /// limits of one name share a count: the one with the smaller burst leaves the rest to the other.
    ///
    /// # Errors
    /// As [`take`](Self::take); the wait is the shortest of the alternatives'.
    pub async fn take_first(&self, alternatives: &[&[(&RateLimit, &[u8])]]) -> Result<Permit, LimitError> {
        let mut shortest = None;
        for wanted in alternatives {
            match self.try_all(wanted).await? {
                Ok(permit) => return Ok(permit),
                Err(wait) => shortest = Some(shortest.map_or(wait, |least: Duration| least.min(wait))),
            }
        }
        Err(LimitError::too_many(shortest.unwrap_or_default()))
    }

    /// One of each, or how long to wait for it.
    async fn try_all(&self, wanted: &[(&RateLimit, &[u8])]) -> Result<Result<Permit, Duration>, SqlError> {
        if !self.enforced {
            return Ok(Ok(Permit(Vec::new())));
        }
        // In one order, whoever asks: two transactions that lock the same rows never wait for each other.
        let mut wanted: Vec<_> = wanted.iter().map(|(limit, key)| (Key::new(limit, key), *limit)).collect();
        wanted.sort_unstable_by_key(|(key, _)| *key);
        let mut tx = self.db.begin().await?;
        let (mut taken, mut wait) = (Vec::new(), None);
        for (key, limit) in wanted {
            match counts::acquire(&mut tx, key, limit).await? {
                Ok(one) => taken.push(one),
                Err(refusal) => wait = wait.max(Some(refusal)),
            }
        }
        // The transaction is dropped with what was taken before.
        if let Some(wait) = wait {
            return Ok(Err(wait));
        }
        tx.commit().await?;
        Ok(Ok(Permit(taken)))
    }

    /// Whether one could be taken. For what is counted only afterwards, such as misses: requests that
    /// are under way at once may each find room for the last one.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn peek(&self, limit: &RateLimit, key: &[u8]) -> Result<(), LimitError> {
        if !self.enforced {
            return Ok(());
        }
        let mut db = self.db.read().await?;
        let wait = counts::wait(&mut db, &Key::new(limit, key), limit).await?;
        wait.map_or(Ok(()), |wait| Err(LimitError::too_many(wait)))
    }

    /// Counts what has turned out to be a miss. It looks before it takes, so that a flood of misses writes nothing.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn count_miss(&self, limit: &RateLimit, key: &[u8]) -> Result<(), LimitError> {
        self.peek(limit, key).await?;
        self.acquire(limit, key).await.map(drop)
    }

    /// Gives back what was taken, after a success, so that only failures count. When the database
    /// does not answer, it stays taken.
    pub async fn refund(&self, permit: Permit) {
        if permit.0.is_empty() {
            return;
        }
        if let Err(error) = self.return_all(permit).await {
            tracing::warn!(%error, "what a limit counted cannot be given back");
        }
    }

    async fn return_all(&self, Permit(taken): Permit) -> Result<(), SqlError> {
        let mut tx = self.db.begin().await?;
        for one in taken {
            counts::give_back(&mut tx, &one).await?;
        }
        tx.commit().await
    }

    /// Writes and commits a row of its own for each process, so that processes do not wait for each other: whether the
    /// database can be written to is known only afterwards.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn probe(&self, process: &[u8]) -> Result<(), SqlError> {
        const READINESS: RateLimit = RateLimit { name: "web.readiness", burst: 1, every: Duration::from_secs(1) };
        let mut tx = self.db.begin_low_priority().await?;
        counts::probe(&mut tx, Key::new(&READINESS, process)).await?;
        tx.commit().await
    }

    /// Deletes what says nothing any more, once a minute, until it is dropped.
    pub async fn sweep(self) {
        if !self.enforced {
            return;
        }
        loop {
            sleep(SWEEP_EVERY).await;
            if let Err(error) = self.sweep_now().await {
                tracing::warn!(%error, "limits cannot be swept: trying again");
            }
        }
    }

    /// Deletes what says nothing any more, a few at a time, so that nobody waits for long.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sweep_now(&self) -> Result<(), SqlError> {
        loop {
            let mut tx = self.db.begin_low_priority().await?;
            let deleted = counts::sweep(&mut tx).await?;
            tx.commit().await?;
            if deleted == 0 {
                return Ok(());
            }
        }
    }
}

/// How many counts are dated further ahead of the database's clock than they are ever written.
///
/// # Errors
/// When the database does not answer.
pub async fn limits_ahead_of_the_clock(db: &Db) -> Result<i64, SqlError> {
    counts::ahead(&mut db.read().await?).await
}
