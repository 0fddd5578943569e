use crate::SqlAuth;
use auth_application::{Client, Ending, Sessions, TokenHash};
use auth_domain::{Session, SessionId};
use kernel::UserId;
use persistence::{At, SqlError, execute, fetch_optional};
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

type Row = (Uuid, i64, At, At);

#[async_trait]
impl Sessions for SqlAuth {
    async fn open(&mut self, session: &Session, token: &TokenHash, client: &Client) -> Result<(), Unavailable> {
        self.forget_expired().await?;
        let sql = "insert into auth_sessions (id, user_id, generation, opened_at, refreshed_at, expires_at, address) \
             values ($1, $2, $3, $4, $4, $5, $6)";
        let (id, user) = (session.id.as_uuid(), session.user.as_uuid());
        let (at, end) = (At(session.refreshed_at), At(session.expires_at));
        execute!(&mut self.0, sql, id, user, session.generation, at, end, &client.address)?;
        Ok(self.add_token(session, token).await?)
    }

    async fn locked_by(&mut self, token: &TokenHash) -> Result<Option<(Session, i64)>, Unavailable> {
        let sql = "select session_id, generation from auth_refresh_tokens where hash = $1";
        let Some((id, generation)) = fetch_optional!(&mut self.0, (Uuid, i64), sql, &token.0[..])? else {
            return Ok(None);
        };
        // Whoever waits here reads what the one before has committed. SQLite has one writer, and this is it.
        let sql = (
            "select user_id, generation, refreshed_at, expires_at from auth_sessions \
             where id = $1 and ended_at is null for update",
            "select user_id, generation, refreshed_at, expires_at from auth_sessions \
             where id = $1 and ended_at is null",
        );
        let found = fetch_optional!(&mut self.0, Row, sql, id)?;
        Ok(found.map(|(user, current, refreshed_at, expires_at)| {
            let session = Session {
                id: SessionId::new(id),
                user: UserId::new(user),
                generation: current,
                refreshed_at: refreshed_at.0,
                expires_at: expires_at.0,
            };
            (session, generation)
        }))
    }

    async fn rotate(&mut self, session: &Session, token: &TokenHash, client: &Client) -> Result<(), Unavailable> {
        let sql = "update auth_sessions set generation = $2, refreshed_at = $3, address = $4 where id = $1";
        let at = At(session.refreshed_at);
        execute!(&mut self.0, sql, session.id.as_uuid(), session.generation, at, &client.address)?;
        Ok(self.add_token(session, token).await?)
    }

    async fn end(&mut self, user: UserId, session: SessionId, why: Ending) -> Result<bool, Unavailable> {
        let sql = (
            "update auth_sessions set ended_at = clock_timestamp(), ended_why = $3 \
             where id = $1 and user_id = $2 and ended_at is null",
            "update auth_sessions set ended_at = cast(unixepoch('subsec') * 1000000 as integer), ended_why = $3 \
             where id = $1 and user_id = $2 and ended_at is null",
        );
        Ok(execute!(&mut self.0, sql, session.as_uuid(), user.as_uuid(), why.as_str())? == 1)
    }

    async fn end_others(&mut self, user: UserId, but: Option<SessionId>, why: Ending) -> Result<u64, Unavailable> {
        let sql = (
            "update auth_sessions set ended_at = clock_timestamp(), ended_why = $3 \
             where user_id = $1 and id <> $2 and ended_at is null",
            "update auth_sessions set ended_at = cast(unixepoch('subsec') * 1000000 as integer), ended_why = $3 \
             where user_id = $1 and id <> $2 and ended_at is null",
        );
        let but = but.map_or(Uuid::nil(), SessionId::as_uuid);
        Ok(execute!(&mut self.0, sql, user.as_uuid(), but, why.as_str())?)
    }

    async fn end_oldest(&mut self, user: UserId, but: i64, why: Ending) -> Result<(), Unavailable> {
        let sql = (
            "update auth_sessions set ended_at = clock_timestamp(), ended_why = $3 where id in \
             (select id from auth_sessions where user_id = $1 and ended_at is null \
              order by opened_at desc, id desc limit 1000 offset $2)",
            "update auth_sessions set ended_at = cast(unixepoch('subsec') * 1000000 as integer), ended_why = $3 \
             where id in (select id from auth_sessions where user_id = $1 and ended_at is null \
              order by opened_at desc, id desc limit 1000 offset $2)",
        );
        execute!(&mut self.0, sql, user.as_uuid(), but, why.as_str())?;
        Ok(())
    }
}

impl SqlAuth {
    async fn add_token(&mut self, session: &Session, token: &TokenHash) -> Result<(), SqlError> {
        let sql = "insert into auth_refresh_tokens (hash, session_id, generation) values ($1, $2, $3)";
        execute!(&mut self.0, sql, &token.0[..], session.id.as_uuid(), session.generation)?;
        Ok(())
    }

    /// A few sessions whose time is over, or that would last longer than any (a clock was ahead when they began), and with them their tokens: each sign-in makes room for more than its own.
    async fn forget_expired(&mut self) -> Result<(), SqlError> {
        let sql = (
            "delete from auth_sessions where id in (select id from auth_sessions \
             where expires_at < clock_timestamp() or expires_at > clock_timestamp() + interval '30 days 1 minute' \
             order by expires_at limit 5 for update skip locked)",
            "delete from auth_sessions where id in (select id from auth_sessions \
             where expires_at < cast(unixepoch('subsec') * 1000000 as integer) \
             or expires_at > cast(unixepoch('subsec') * 1000000 as integer) + 2592060000000 order by expires_at limit 5)",
        );
        execute!(&mut self.0, sql)?;
        Ok(())
    }
}
