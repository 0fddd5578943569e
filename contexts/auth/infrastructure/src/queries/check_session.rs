//! Finds whether a session is live, and which role its user has now.

use super::IS_LIVE;
use auth_domain::Role;
use kernel::Timestamp;
use persistence::{Db, SqlError, SqlTimestamp, fetch_optional, sql};
use uuid::Uuid;

/// The user of a live session.
pub(crate) struct LiveSession {
    pub(crate) user: Uuid,
    pub(crate) role: Role,
    /// By the database's clock.
    pub(crate) now: Timestamp,
}

/// Returns `None` if the session has ended or expired, or the user is deactivated.
pub(crate) async fn check(db: &Db, session: Uuid) -> Result<Option<LiveSession>, SqlError> {
    let sql = sql!(
        "select s.user_id, a.role, {clock} from auth_sessions s join auth_accounts a on a.user_id = s.user_id \
         where s.id = $1 and a.disabled_at is null and",
        IS_LIVE
    );
    let mut db = db.read().await?;
    let found = fetch_optional!(&mut db, (Uuid, String, SqlTimestamp), sql, session)?;
    // A role that this version does not know counts as `user`.
    Ok(found.map(|(user, role, now)| LiveSession { user, role: role.parse().unwrap_or_default(), now: now.0 }))
}
