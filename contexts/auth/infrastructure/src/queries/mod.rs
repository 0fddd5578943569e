//! What is only read: past the domain.

/// That something with a beginning and an end is good now: `timely!(postgres "s.opened_at", "s.expires_at")`. What begins
/// more than a minute from now was written while the clock was ahead; it counts as over, or it would last too long.
macro_rules! timely {
    (postgres $begin:literal, $end:literal) => {
        concat!($begin, " < clock_timestamp() + interval '1 min' and ", $end, " > clock_timestamp()")
    };
    (sqlite $begin:literal, $end:literal) => {
        concat!(
            $begin,
            " < cast(unixepoch('subsec') * 1000000 as integer) + 60000000 and ",
            $end,
            " > cast(unixepoch('subsec') * 1000000 as integer)"
        )
    };
}

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

/// What the rows of a page lie before, when the latest come first.
fn before(paging: Paging) -> (SqlTimestamp, Uuid) {
    // The year 9999: both databases keep it.
    const LAST: i64 = 253_370_764_800_000_000;
    let last = || (Timestamp::from_microsecond(LAST).unwrap_or_else(Timestamp::now), Uuid::max());
    let (at, id) = paging.after.map_or_else(last, |cursor| (cursor.at, cursor.id));
    (SqlTimestamp(at), id)
}
