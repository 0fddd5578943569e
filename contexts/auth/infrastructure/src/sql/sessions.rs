use super::factors::level_of;
use crate::SqlAuth;
use auth_application::{Refreshable, RequestOrigin, SealedToken, SessionEnd, Sessions, TokenHash};
use auth_domain::{AuthMethods, Authentication, Session, SessionId, SessionStanding, ShownToken};
use identity::UserId;
use kernel::Timestamp;
use persistence::{SqlError, SqlTimestamp, execute, fetch_optional, sql};
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

type Row = (Uuid, i64, SqlTimestamp, SqlTimestamp, String, String, SqlTimestamp);
type Standing = (String, Option<SqlTimestamp>, SqlTimestamp);

#[async_trait]
impl Sessions for SqlAuth {
    async fn open(&mut self, session: &Session, token: &TokenHash, client: &RequestOrigin) -> Result<(), Unavailable> {
        let sql = "insert into auth_sessions \
             (id, user_id, generation, opened_at, refreshed_at, authenticated_at, expires_at, address, methods, level) \
             values ($1, $2, $3, $4, $4, $4, $5, $6, $7, $8)";
        let (id, user) = (session.id.as_uuid(), session.user.as_uuid());
        let (at, end) = (SqlTimestamp(session.refreshed_at), SqlTimestamp(session.expires_at));
        let Authentication { methods, level, .. } = session.authentication;
        let (methods, level) = (methods.to_string(), level.as_str());
        execute!(&mut self.0, sql, id, user, session.generation, at, end, &client.address, methods, level)?;
        Ok(self.add_token(session, token).await?)
    }

    async fn find_by_refresh_token_for_update(
        &mut self,
        token: &TokenHash,
    ) -> Result<Option<Refreshable>, Unavailable> {
        let sql = "select session_id from auth_refresh_tokens where hash = $1";
        let Some((id,)) = fetch_optional!(&mut self.0, (Uuid,), sql, &token.0[..])? else { return Ok(None) };
        // A transaction that waits here reads what the one before has committed.
        let sql = sql!(
            "select user_id, generation, refreshed_at, expires_at, methods, level, \
             coalesce(authenticated_at, opened_at) from auth_sessions where id = $1 and ended_at is null {for update}"
        );
        let Some((user, current, refreshed_at, expires_at, methods, level, at)) =
            fetch_optional!(&mut self.0, Row, sql, id)?
        else {
            return Ok(None);
        };
        let methods = AuthMethods::from(methods.as_str());
        let authentication = Authentication { methods, level: level_of(&level), at: at.0 };
        // Read again under the lock: a concurrent refresh may have used the token, or the end of the session deleted
        // it.
        let sql = "select generation, used_at, sealed_successor from auth_refresh_tokens where hash = $1";
        let found = fetch_optional!(&mut self.0, (i64, Option<SqlTimestamp>, Option<Vec<u8>>), sql, &token.0[..])?;
        Ok(found.map(|(generation, used_at, successor)| Refreshable {
            session: Session {
                id: SessionId::new(id),
                user: UserId::new(user),
                generation: current,
                refreshed_at: refreshed_at.0,
                expires_at: expires_at.0,
                authentication,
            },
            shown: ShownToken { generation, used_at: used_at.map(|at| at.0) },
            successor: successor.map(SealedToken),
        }))
    }

    async fn standing_in(
        &mut self,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<(SessionStanding, Timestamp)>, Unavailable> {
        // Lock the account first, as a deactivation and a sign-in do.
        let sql = sql!(
            "select role, has_second_factor from auth_accounts where user_id = $1 and disabled_at is null {for update}"
        );
        let account = fetch_optional!(&mut self.0, (String, bool), sql, user.as_uuid())?;
        let Some((role, has_second_factor)) = account else { return Ok(None) };
        let sql = sql!(
            "select level, authenticated_at, {clock} from auth_sessions where id = $1 and user_id = $2 \
             and ended_at is null and expires_at > {clock} {for update}"
        );
        let live = fetch_optional!(&mut self.0, Standing, sql, session.as_uuid(), user.as_uuid())?;
        Ok(live.map(|(level, authenticated_at, now)| {
            let standing = SessionStanding {
                // A role that this version does not know counts as `user`.
                role: role.parse().unwrap_or_default(),
                level: level_of(&level),
                authenticated_at: authenticated_at.map(|at| at.0),
                has_second_factor,
            };
            (standing, now.0)
        }))
    }

    async fn rotate(
        &mut self,
        session: &Session,
        used: &TokenHash,
        successor: Option<&SealedToken>,
        next: &TokenHash,
        client: &RequestOrigin,
    ) -> Result<(), Unavailable> {
        let sql = "update auth_sessions set generation = $2, refreshed_at = $3, address = $4 where id = $1";
        let (id, at) = (session.id.as_uuid(), SqlTimestamp(session.refreshed_at));
        execute!(&mut self.0, sql, id, session.generation, at, &client.address)?;
        let sql = "update auth_refresh_tokens set sealed_successor = null \
             where session_id = $1 and sealed_successor is not null";
        execute!(&mut self.0, sql, id)?;
        let sql = "update auth_refresh_tokens set used_at = $2, sealed_successor = $3 where hash = $1";
        execute!(&mut self.0, sql, &used.0[..], at, successor.map(|sealed| &sealed.0[..]))?;
        Ok(self.add_token(session, next).await?)
    }

    async fn end(&mut self, user: UserId, session: SessionId, why: SessionEnd) -> Result<bool, Unavailable> {
        let sql = sql!(
            "update auth_sessions set ended_at = {clock}, ended_why = $3 \
             where id = $1 and user_id = $2 and ended_at is null"
        );
        let ended = execute!(&mut self.0, sql, session.as_uuid(), user.as_uuid(), why.as_str())? == 1;
        self.forget_tokens(user).await?;
        Ok(ended)
    }

    async fn end_others(&mut self, user: UserId, but: Option<SessionId>, why: SessionEnd) -> Result<u64, Unavailable> {
        let sql = sql!(
            "update auth_sessions set ended_at = {clock}, ended_why = $3 \
             where user_id = $1 and id <> $2 and ended_at is null"
        );
        let but = but.map_or(Uuid::nil(), SessionId::as_uuid);
        let ended = execute!(&mut self.0, sql, user.as_uuid(), but, why.as_str())?;
        self.forget_tokens(user).await?;
        Ok(ended)
    }

    async fn end_oldest(&mut self, user: UserId, but: i64, why: SessionEnd) -> Result<(), Unavailable> {
        let sql = sql!(
            "update auth_sessions set ended_at = {clock}, ended_why = $3 where id in \
             (select id from auth_sessions where user_id = $1 and ended_at is null \
              order by opened_at desc, id desc limit 1000 offset $2)"
        );
        if execute!(&mut self.0, sql, user.as_uuid(), but, why.as_str())? > 0 {
            self.forget_tokens(user).await?;
        }
        Ok(())
    }
}

impl SqlAuth {
    async fn add_token(&mut self, session: &Session, token: &TokenHash) -> Result<(), SqlError> {
        let sql = "insert into auth_refresh_tokens (hash, session_id, generation) values ($1, $2, $3)";
        execute!(&mut self.0, sql, &token.0[..], session.id.as_uuid(), session.generation)?;
        Ok(())
    }

    /// Deletes the tokens of this user's ended sessions. They are no longer needed: a replay could end nothing.
    async fn forget_tokens(&mut self, user: UserId) -> Result<(), SqlError> {
        let sql = "delete from auth_refresh_tokens where session_id in \
             (select id from auth_sessions where user_id = $1 and ended_at is not null)";
        execute!(&mut self.0, sql, user.as_uuid())?;
        Ok(())
    }
}
