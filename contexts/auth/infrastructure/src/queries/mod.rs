//! Queries, which bypass the domain.

mod ahead;
pub(crate) mod check_refresh_token;
pub(crate) mod check_session;
pub mod get_accounts;
pub(crate) mod get_audit_events;
pub mod get_service_keys;
pub(crate) mod get_sessions;

pub use ahead::ahead_of_the_clock;

use kernel::Timestamp;
use persistence::SqlTimestamp;
use uuid::Uuid;
use web::Paging;

/// The SQL condition that a session is live. One that was opened over a minute from now was written while the clock was
/// ahead. It counts as expired, because it would last too long.
const IS_LIVE: &str = "ended_at is null and opened_at < {clock} + {1 min} and expires_at > {clock}";

/// The sort key that the rows of a page come before in time; pages list the latest rows first.
fn before(paging: Paging) -> (SqlTimestamp, Uuid) {
    // In the year 9999, which both databases can store.
    const LAST: i64 = 253_370_764_800_000_000;
    let last = || (Timestamp::from_microsecond(LAST).unwrap_or_else(Timestamp::now), Uuid::max());
    let (at, id) = paging.after.map_or_else(last, |cursor| (cursor.at, cursor.id));
    (SqlTimestamp(at), id)
}
