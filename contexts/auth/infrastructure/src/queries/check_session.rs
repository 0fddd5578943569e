//! Finds whether a session is live, and what services may know of its user now.

use super::IS_LIVE;
use crate::sql::factors::level_of;
use auth_domain::{AuthMethods, SessionStanding};
use kernel::Timestamp;
use persistence::{BatchQuery, Read, SqlError, SqlTimestamp, UuidList, fetch_all, sql};
use uuid::Uuid;

type Row = (Uuid, Uuid, String, bool, bool, String, String, Option<SqlTimestamp>, SqlTimestamp, SqlTimestamp);

/// A live session and its user.
#[derive(Clone)]
pub(crate) struct LiveSession {
    pub(crate) user: Uuid,
    pub(crate) standing: SessionStanding,
    pub(crate) methods: AuthMethods,
    /// When the user signed in, or last stepped up.
    pub(crate) authenticated_at: Timestamp,
    pub(crate) email_verified: bool,
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
            "select s.id, s.user_id, a.role, a.email_verified, a.has_second_factor, s.level, s.methods, \
             s.authenticated_at, s.opened_at, {clock} \
             from auth_sessions s join auth_accounts a on a.user_id = s.user_id \
             where s.id {in $1} and a.disabled_at is null and",
            IS_LIVE
        );
        let found = fetch_all!(read, Row, sql, UuidList(sessions))?;
        let live = found.into_iter().map(
            |(id, user, role, email_verified, has_second_factor, level, methods, authenticated_at, opened_at, now)| {
                let standing = SessionStanding {
                    // A role that this version does not know counts as `user`.
                    role: role.parse().unwrap_or_default(),
                    level: level_of(&level),
                    authenticated_at: authenticated_at.map(|at| at.0),
                    has_second_factor,
                };
                let (methods, at) = (AuthMethods::from(methods.as_str()), authenticated_at.unwrap_or(opened_at).0);
                (id, LiveSession { user, standing, methods, authenticated_at: at, email_verified, now: now.0 })
            },
        );
        Ok(live.collect())
    }
}
