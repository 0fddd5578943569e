//! The counts of the rate limits, by the generic cell rate algorithm (ITU-T I.371). The state of a count is one time,
//! `empty_at`, when the count is zero again. Each permit moves that time by `every`. A permit that would move it beyond
//! `burst * every` from now is denied. The database's clock decides. Bound times are microseconds.

use super::RateLimit;
use kernel::Timestamp;
use persistence::{Sql, SqlError, SqlTimestamp, Tx, execute, fetch_one, fetch_optional, sql};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// The time from which the next permit counts: the later of now and `empty_at`. `$2` is burst * every. An `empty_at`
/// more than a minute beyond that bound was written while the clock was ahead, and is ignored.
const COUNTED: &str = "case when web_limits.empty_at > {clock} + {$2 us} + {1 min} then {clock} \
     else {greatest}(web_limits.empty_at, {clock}) end";

/// Takes a permit. Bound: key, burst * every, every. PostgreSQL uses `{clock}`, the time after the wait for the row's
/// lock: by `{now}`, the begin of the transaction, concurrent requests would be denied free permits.
const TAKE: (&str, &str) = sql!(
    "insert into web_limits (key, empty_at) values ($1, {clock} + {$3 us}) on conflict (key) do update set empty_at =",
    COUNTED,
    "+ {$3 us} where",
    COUNTED,
    "+ {$3 us} <= {clock} + {$2 us} returning empty_at"
);

/// When the count is zero again, and the current time. Bound: key, burst * every.
const COUNTS: (&str, &str) = sql!("select", COUNTED, ", {now} from web_limits where key = $1");

/// Returns the rest of a permit, the part whose time has not passed. Bound: key, every, the permit's own `empty_at`.
const GIVE_BACK: (&str, &str) =
    sql!("update web_limits set empty_at = empty_at - {least}({$2 us}, $3 - {now}) where key = $1 and $3 > {now}");

/// Deletes expired rows. A concurrent [`TAKE`] that waited for the row's lock inserts a new row.
const SWEEP: (&str, &str) = sql!(
    "delete from web_limits where key in ( \
       select key from web_limits where empty_at < {now} order by empty_at limit 100 {for update skip locked})"
);

/// Writes a row with a count of zero, which the sweep deletes.
const PROBE: (&str, &str) = sql!(
    "insert into web_limits (key, empty_at) values ($1, {now}) \
     on conflict (key) do update set empty_at = excluded.empty_at"
);

/// Deletes rows that were written while the clock was ahead: no count lasts a day ([`RateLimit`]).
const SWEEP_AHEAD: (&str, &str) = sql!(
    "delete from web_limits where key in ( \
       select key from web_limits where empty_at > {now} + {1 d} limit 100 {for update skip locked})"
);

/// The number of rows that [`SWEEP_AHEAD`] would delete.
const AHEAD: (&str, &str) = sql!("select count(*) from web_limits where empty_at > {now} + {1 d}");

/// The hashed key of a count, so that the table holds no addresses. (A guess at an address can be checked.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn new(limit: &RateLimit, key: &[u8]) -> Self {
        Self(Sha256::new().chain_update(limit.name).chain_update("\0").chain_update(key).finalize().into())
    }
}

/// One permit, and until when it counts.
#[derive(Debug)]
pub(super) struct PermitTaken {
    key: Key,
    every: i64,
    empty_at: SqlTimestamp,
}

impl PermitTaken {
    pub(super) fn to_bytes(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..32].copy_from_slice(&self.key.0);
        bytes[32..40].copy_from_slice(&self.every.to_be_bytes());
        bytes[40..].copy_from_slice(&self.empty_at.0.as_microsecond().to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; 48]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        let (every, empty_at) = rest.split_first_chunk()?;
        let empty_at = Timestamp::from_microsecond(i64::from_be_bytes(empty_at.try_into().ok()?))?;
        Some(Self { key: Key(*key), every: i64::from_be_bytes(*every), empty_at: SqlTimestamp(empty_at) })
    }
}

/// Takes a permit, or returns how long to wait for one.
pub(super) async fn acquire(
    tx: &mut Tx,
    key: Key,
    limit: &RateLimit,
) -> Result<Result<PermitTaken, Duration>, SqlError> {
    let every = microseconds(limit.every);
    if let Some((empty_at,)) = fetch_optional!(tx, (SqlTimestamp,), TAKE, &key.0[..], room(limit), every)? {
        return Ok(Ok(PermitTaken { key, every, empty_at }));
    }
    // On PostgreSQL the update has locked the row, though it took no permit.
    Ok(Err(wait(tx, &key, limit).await?.unwrap_or_default()))
}

/// The time until a permit is free; `None` if one is free now.
pub(super) async fn wait(on: &mut impl Sql, key: &Key, limit: &RateLimit) -> Result<Option<Duration>, SqlError> {
    let row = fetch_optional!(on, (SqlTimestamp, SqlTimestamp), COUNTS, &key.0[..], room(limit))?;
    let counts = row.map_or(0, |(empty_at, now)| empty_at.0.as_microsecond() - now.0.as_microsecond());
    let over = counts.max(0).saturating_add(microseconds(limit.every)).saturating_sub(room(limit));
    Ok(u64::try_from(over.min(room(limit))).ok().filter(|over| *over > 0).map(Duration::from_micros))
}

/// Returns the rest of a permit, the part whose time has not passed.
pub(super) async fn give_back(tx: &mut Tx, taken: &PermitTaken) -> Result<(), SqlError> {
    execute!(tx, GIVE_BACK, &taken.key.0[..], taken.every, taken.empty_at).map(drop)
}

/// Deletes a few expired rows and returns how many.
pub(super) async fn sweep(tx: &mut Tx) -> Result<u64, SqlError> {
    Ok(execute!(tx, SWEEP)? + execute!(tx, SWEEP_AHEAD)?)
}

/// The number of rows that were written while the clock was ahead.
pub(super) async fn ahead(on: &mut impl Sql) -> Result<i64, SqlError> {
    Ok(fetch_one!(on, (i64,), AHEAD)?.0)
}

/// Writes as [`acquire`] does, but takes no permit.
pub(super) async fn probe(tx: &mut Tx, key: Key) -> Result<(), SqlError> {
    execute!(tx, PROBE, &key.0[..]).map(drop)
}

fn room(limit: &RateLimit) -> i64 {
    microseconds(limit.every).saturating_mul(limit.burst.max(1).into())
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Key, PermitTaken, acquire, give_back, wait};
    use crate::rate_limit::Permit;
    use crate::{MIGRATIONS, RateLimit};
    use persistence::{SqlTimestamp, testing::TestDb};
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_permit_is_stored_as_bytes_and_read_back() {
        let at = kernel::Timestamp::from_microsecond(1_790_000_000_123_456).expect("a time");
        let limit = RateLimit { name: "test.stored", burst: 1, every: HOUR };
        let taken = PermitTaken { key: Key::new(&limit, b"ada"), every: -7, empty_at: SqlTimestamp(at) };
        let read = PermitTaken::from_bytes(&taken.to_bytes()).expect("read");
        assert_eq!((read.key, read.every, read.empty_at.0), (taken.key, taken.every, at));
        let permit = Permit(vec![taken, read]);
        assert_eq!(Permit::from_bytes(&permit.to_bytes()).to_bytes(), permit.to_bytes());
        assert!(Permit::from_bytes(&permit.to_bytes()[1..]).0.is_empty());
        drop(permit);
    }

    #[tokio::test]
    async fn only_the_rest_of_a_permit_is_refunded() {
        let limit = RateLimit { name: "test.only", burst: 1, every: HOUR };
        let (key, now) = (Key::new(&limit, b"ada"), kernel::Timestamp::now().as_microsecond());
        for TestDb { db, .. } in TestDb::each().await {
            db.migrate(&MIGRATIONS).await.expect("a schema");
            let mut tx = db.begin().await.expect("it answers");
            let PermitTaken { every, .. } =
                acquire(&mut tx, key, &limit).await.expect("it answers").expect("the first");
            for (passes_in, rest) in [(-60, 3_600), (0, 3_600), (600, 3_000), (600, 2_400)] {
                let at = kernel::Timestamp::from_microsecond(now + passes_in * 1_000_000).expect("a time");
                give_back(&mut tx, &PermitTaken { key, every, empty_at: SqlTimestamp(at) }).await.expect("it answers");
                let rests = wait(&mut tx, &key, &limit).await.expect("it answers").expect("a permit counts");
                assert!(rests.abs_diff(Duration::from_secs(rest)) < Duration::from_secs(60), "{rests:?}, not {rest} s");
            }
        }
    }
}
