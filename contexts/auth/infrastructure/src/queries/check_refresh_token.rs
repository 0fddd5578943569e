//! Finds the live session of a refresh token, without a lock or a write.

use auth_application::TokenHash;
use persistence::{Db, SqlError, fetch_optional};
use uuid::Uuid;

/// The id of the live session that a refresh token belongs to.
pub(crate) async fn session_of(db: &Db, token: &TokenHash) -> Result<Option<Uuid>, SqlError> {
    let sql = "select s.id from auth_refresh_tokens t join auth_sessions s on s.id = t.session_id \
         where t.hash = $1 and s.ended_at is null";
    let mut db = db.read().await?;
    Ok(fetch_optional!(&mut db, (Uuid,), sql, &token.0[..])?.map(|(id,)| id))
}
