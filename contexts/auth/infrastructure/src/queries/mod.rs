//! Queries, which bypass the domain.

/// An SQL condition: a row with these begin and end columns is valid now. Use it as
/// `timely!(postgres "s.opened_at", "s.expires_at")`. A row that begins over a minute from now was written while the
/// clock was ahead. It counts as expired, because it would last too long.
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

/// The sort key that the rows of a page come before in time; pages list the latest rows first.
fn before(paging: Paging) -> (SqlTimestamp, Uuid) {
    // In the year 9999, which both databases can store.
    const LAST: i64 = 253_370_764_800_000_000;
    let last = || (Timestamp::from_microsecond(LAST).unwrap_or_else(Timestamp::now), Uuid::max());
    let (at, id) = paging.after.map_or_else(last, |cursor| (cursor.at, cursor.id));
    (SqlTimestamp(at), id)
}
