use crate::SqlAuth;
use auth_application::{Accounts as _, RESET_LIFE, ResetTokens};
use identity::{MailTokenHash, UserId};
use persistence::{execute, fetch_optional, sql};
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

/// The purpose of the tokens of these links.
pub(crate) const PURPOSE: &str = "reset_password";

/// The SQL condition that a token `t` of the purpose `$2` works for the account `a`. A token that was issued over a minute
/// from now was written while the clock was ahead. It counts as expired, because it would last too long.
pub(crate) const WORKS: &str = "t.purpose = $2 and t.expires_at > {clock} and t.created_at < {clock} + {1 min} \
     and a.user_id = t.user_id and a.identifier_version = t.identifier_version and a.disabled_at is null";

#[async_trait]
impl ResetTokens for SqlAuth {
    async fn add_reset_token(&mut self, user: UserId, token: &MailTokenHash) -> Result<(), Unavailable> {
        let sql = sql!(
            "insert into auth_mail_tokens (hash, purpose, user_id, identifier_version, created_at, expires_at) \
             select $1, $2, user_id, identifier_version, {clock}, {clock} + {$4 us} from auth_accounts \
             where user_id = $3 on conflict (hash) do nothing"
        );
        let life = i64::try_from(RESET_LIFE.as_micros()).unwrap_or(i64::MAX);
        execute!(&mut self.0, sql, &token.0[..], PURPOSE, user.as_uuid(), life)?;
        Ok(())
    }

    async fn use_reset_token(&mut self, token: &MailTokenHash) -> Result<Option<UserId>, Unavailable> {
        let sql = "select user_id from auth_mail_tokens where hash = $1 and purpose = $2";
        let Some((user,)) = fetch_optional!(&mut self.0, (Uuid,), sql, &token.0[..], PURPOSE)? else {
            return Ok(None);
        };
        // The account first, as everywhere. The next statement sees what was committed during the wait.
        if !self.lock_account(UserId::new(user)).await? {
            return Ok(None);
        }
        let sql = sql!(
            "delete from auth_mail_tokens where hash = $1 and exists \
             (select 1 from auth_mail_tokens t, auth_accounts a where t.hash = $1 and",
            WORKS,
            ") returning user_id"
        );
        let used = fetch_optional!(&mut self.0, (Uuid,), sql, &token.0[..], PURPOSE)?;
        Ok(used.map(|(user,)| UserId::new(user)))
    }

    async fn revoke_reset_tokens(&mut self, user: UserId) -> Result<(), Unavailable> {
        let sql = "delete from auth_mail_tokens where user_id = $1 and purpose = $2";
        execute!(&mut self.0, sql, user.as_uuid(), PURPOSE)?;
        Ok(())
    }
}
