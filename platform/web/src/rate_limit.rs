//! Rate limits. Their counts are in the database, so that all nodes share them and a restart keeps them.

mod counts;

use self::counts::{Key, PermitTaken};
use crate::{Problem, unavailable};
use persistence::{Db, Migrations, SqlError, migrations};
use std::time::Duration;
use tokio::time::sleep;

/// The migration that creates the table `web_limits`.
pub const MIGRATIONS: Migrations = migrations!("web": "0001_limits");

const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// A rate limit. `burst * every` MUST be less than a day: the sweep deletes counts that end later, as written by a
/// wrong clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The name, `context.what_it_counts`. Rate limits with one name share their counts.
    pub name: &'static str,
    /// The most permits that can be taken at once, at least 1.
    pub burst: u32,
    /// The time after which one more permit becomes free.
    pub every: Duration,
}

/// One permit of each rate limit of an [`acquire`](RateLimiter::acquire). Dropping the permit does not return it;
/// [`RateLimiter::refund`] does.
#[derive(Debug)]
#[must_use = "a permit counts unless it is refunded"]
pub struct Permit(Vec<PermitTaken>);

impl Permit {
    /// The permit as bytes, to be stored and [refunded](RateLimiter::refund) by another request.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(PermitTaken::to_bytes).collect()
    }

    /// The permit of these bytes; a permit of nothing if they are malformed.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (taken, rest) = bytes.as_chunks();
        Self(if rest.is_empty() { taken.iter().filter_map(PermitTaken::from_bytes).collect() } else { Vec::new() })
    }
}

/// The reason why no permit was given.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// The rate limit is exhausted.
    #[error("too many requests")]
    TooMany {
        /// The time until the next permit is free.
        retry_after: Duration,
    },
    /// The database does not answer. Without a count, no request passes.
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

/// Enforces rate limits. Clones share the counts, which are in the database.
#[derive(Clone)]
pub struct RateLimiter {
    db: Db,
    enforced: bool,
}

impl RateLimiter {
    /// Counts in `db`. If not `enforced`, the limiter allows everything and does not use the database.
    #[must_use]
    pub const fn new(db: Db, enforced: bool) -> Self {
        Self { db, enforced }
    }

    /// Whether rate limits are enforced; load tests turn them off.
    pub(crate) const fn are_enforced(&self) -> bool {
        self.enforced
    }

    /// Takes one permit of `limit` for `key`, such as an address or an account.
    ///
    /// # Errors
    /// [`LimitError::TooMany`] when the rate limit is exhausted; nothing was taken then. [`LimitError::Unavailable`]
    /// when the database does not answer: without a count, no request passes.
    pub async fn acquire(&self, limit: &RateLimit, key: &[u8]) -> Result<Permit, LimitError> {
        self.take_all(&[(limit, key)]).await
    }

    /// Takes one permit of each rate limit, or none at all.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire). `retry_after` is the longest wait of the exhausted rate limits.
    pub async fn take_all(&self, wanted: &[(&RateLimit, &[u8])]) -> Result<Permit, LimitError> {
        self.try_all(wanted).await?.map_err(LimitError::too_many)
    }

    /// Takes one permit of each rate limit of the first alternative in which all have room, or nothing. Two rate limits
    /// with one name share a count: the one with the smaller burst leaves the rest to the other.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire). `retry_after` is the shortest wait of the alternatives.
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

    /// Takes one permit of each rate limit, or returns how long to wait for them.
    async fn try_all(&self, wanted: &[(&RateLimit, &[u8])]) -> Result<Result<Permit, Duration>, SqlError> {
        if !self.enforced {
            return Ok(Ok(Permit(Vec::new())));
        }
        // Lock the rows in a fixed order: two transactions with the same rows cannot deadlock.
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
        // Dropping the transaction returns the permits that it has taken.
        if let Some(wait) = wait {
            return Ok(Err(wait));
        }
        tx.commit().await?;
        Ok(Ok(Permit(taken)))
    }

    /// Checks that a permit is free, without taking it. For events that are counted afterwards, such as misses:
    /// concurrent requests may all see the last free permit.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn peek(&self, limit: &RateLimit, key: &[u8]) -> Result<(), LimitError> {
        if !self.enforced {
            return Ok(());
        }
        let mut db = self.db.read().await?;
        let wait = counts::wait(&mut db, &Key::new(limit, key), limit).await?;
        wait.map_or(Ok(()), |wait| Err(LimitError::too_many(wait)))
    }

    /// Counts a miss. It [peeks](Self::peek) first, so that a flood of misses over the limit writes nothing.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn count_miss(&self, limit: &RateLimit, key: &[u8]) -> Result<(), LimitError> {
        self.peek(limit, key).await?;
        self.acquire(limit, key).await.map(drop)
    }

    /// Returns a permit after a success, so that only failures count. When the database does not answer, the permit
    /// stays taken.
    pub async fn refund(&self, permit: Permit) {
        if permit.0.is_empty() {
            return;
        }
        if let Err(error) = self.return_all(permit).await {
            tracing::warn!(%error, "cannot refund a permit of a rate limit: it counts");
        }
    }

    async fn return_all(&self, Permit(taken): Permit) -> Result<(), SqlError> {
        let mut tx = self.db.begin().await?;
        for one in taken {
            counts::give_back(&mut tx, &one).await?;
        }
        tx.commit().await
    }

    /// Tests that the database can be written to: writes and commits one row. Each process has a row of its own, so
    /// that processes do not wait for each other.
    ///
    /// # Errors
    /// When the database cannot be written to.
    pub async fn probe(&self, process: &[u8]) -> Result<(), SqlError> {
        const READINESS: RateLimit = RateLimit { name: "web.readiness", burst: 1, every: Duration::from_secs(1) };
        let mut tx = self.db.begin_low_priority().await?;
        counts::probe(&mut tx, Key::new(&READINESS, process)).await?;
        tx.commit().await
    }

    /// Deletes expired counts once a minute, until the future is dropped.
    pub async fn sweep(self) {
        if !self.enforced {
            return;
        }
        loop {
            sleep(SWEEP_EVERY).await;
            if let Err(error) = self.sweep_now().await {
                tracing::warn!(%error, "cannot delete expired counts of rate limits: trying again in a minute");
            }
        }
    }

    /// Deletes expired counts, a few per transaction, so that no request waits for long.
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

/// The number of counts that end more than a day ahead of the database's clock: they were written by a wrong clock.
///
/// # Errors
/// When the database does not answer.
pub async fn limits_ahead_of_the_clock(db: &Db) -> Result<i64, SqlError> {
    counts::ahead(&mut db.read().await?).await
}
