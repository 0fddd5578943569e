use crate::sql::unit_of_work::run_in_transaction;
use auth_application::{Actor, DenyAccess, RequestOrigin};
use persistence::Db;
use std::time::Duration;
use web::{RateLimit, RateLimiter};

/// How many denials of one caller are recorded.
const DENIALS: RateLimit = RateLimit { name: "auth.denials", burst: 30, every: Duration::from_secs(60) };

/// Records in the audit log that a known caller was denied something.
#[derive(Clone)]
pub(crate) struct DenialLog {
    db: Db,
    limits: RateLimiter,
}

impl DenialLog {
    pub(crate) const fn new(db: Db, limits: RateLimiter) -> Self {
        Self { db, limits }
    }

    /// Records that a caller was denied a route.
    pub(crate) async fn record(&self, actor: Actor, route: &str, client: &RequestOrigin) {
        if !self.has_room_for(actor, route).await {
            return;
        }
        let denied = DenyAccess { actor, route: route.to_owned(), client: client.clone() };
        if let Err(why) = run_in_transaction(&self.db, denied).await {
            tracing::error!(%why, route, "a denial could not be recorded in the audit log");
        }
    }

    /// Whether one more denial of this caller is recorded. A flood of denials would hide everything else in the audit
    /// log, so the rest is only logged.
    pub(crate) async fn has_room_for(&self, caller: Actor, what: &str) -> bool {
        let has_room = self.limits.acquire(&DENIALS, caller.to_string().as_bytes()).await.is_ok();
        if !has_room {
            tracing::warn!(target: "audit", %caller, what, "access was denied; the audit log takes no more denials of this caller for a while");
        }
        has_room
    }
}
