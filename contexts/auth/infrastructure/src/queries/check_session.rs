//! Finds whether a session is live, and which role its user has now.

use super::IS_LIVE;
use auth_domain::Role;
use kernel::Timestamp;
use persistence::{BatchQuery, Read, SqlError, SqlTimestamp, UuidList, fetch_all, sql};
use uuid::Uuid;

/// The user of a live session.
#[derive(Clone)]
pub(crate) struct LiveSession {
    pub(crate) user: Uuid,
    pub(crate) role: Role,
    /// By the database's clock.
    pub(crate) now: Timestamp,
}

/// Finds those of many sessions that are live: not ended, not expired, and of a user who is not deactivated.
pub(crate) struct LiveSessionById;

impl BatchQuery for LiveSessionById {
    type Key = Uuid;
    type Row = LiveSession;

    async fn find(read: &mut Read, sessions: &[Uuid]) -> Result<Vec<(Uuid, LiveSession)>, SqlError> {
        let sql = sql!(
            "select s.id, s.user_id, a.role, {clock} from auth_sessions s join auth_accounts a on a.user_id = s.user_id \
             where s.id {in $1} and a.disabled_at is null and",
            IS_LIVE
        );
        let found = fetch_all!(read, (Uuid, Uuid, String, SqlTimestamp), sql, UuidList(sessions))?;
        // A role that this version does not know counts as `user`.
        let live = |user, role: &str, now| LiveSession { user, role: role.parse().unwrap_or_default(), now };
        Ok(found.into_iter().map(|(id, user, role, now)| (id, live(user, &role, now.0))).collect())
    }
}
