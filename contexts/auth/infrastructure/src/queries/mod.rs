//! What is only read: past the domain.

pub(crate) mod check_session;
pub mod get_accounts;
pub(crate) mod get_audit_events;
pub mod get_service_keys;
pub(crate) mod get_sessions;

use kernel::Timestamp;
use persistence::At;
use uuid::Uuid;
use web::Paging;

/// What the rows of a page lie before, when the latest come first.
fn before(paging: Paging) -> (At, Uuid) {
    // The year 9999: both databases keep it.
    const LAST: i64 = 253_370_764_800_000_000;
    let last = || (Timestamp::from_microsecond(LAST).unwrap_or_else(Timestamp::now), Uuid::max());
    let (at, id) = paging.after.map_or_else(last, |cursor| (cursor.at, cursor.id));
    (At(at), id)
}
