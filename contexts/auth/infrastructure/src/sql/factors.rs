use crate::SqlAuth;
use auth_application::{
    CHALLENGE_LIFE, ENROLMENT_LIFE, Factors, RecoveryCodeHash, SealedTotpSecret, SignInChallenge, TokenHash, TotpFactor,
};
use auth_domain::{AssuranceLevel, AuthMethod, AuthMethods, SessionId};
use identity::UserId;
use persistence::{execute, fetch_one, fetch_optional, sql};
use std::time::Duration;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

/// The SQL condition that a challenge `c` works for the account `a`. One that was stored over a minute from now was written
/// while the clock was ahead. It counts as expired, because it would last too long.
pub(crate) const CHALLENGE_WORKS: &str = "c.expires_at > {clock} and c.created_at < {clock} + {1 min} \
     and a.user_id = c.user_id and a.disabled_at is null";

#[async_trait]
impl Factors for SqlAuth {
    async fn begin_totp(&mut self, user: UserId, secret: &SealedTotpSecret) -> Result<bool, Unavailable> {
        let sql = sql!(
            "insert into auth_totp (user_id, secret, begun_at) values ($1, $2, {clock}) \
             on conflict (user_id) do update set secret = excluded.secret, begun_at = excluded.begun_at \
             where auth_totp.confirmed_at is null"
        );
        Ok(execute!(&mut self.0, sql, user.as_uuid(), &secret.0[..])? == 1)
    }

    async fn begun_totp(&mut self, user: UserId) -> Result<Option<SealedTotpSecret>, Unavailable> {
        let sql = sql!(
            "select secret from auth_totp where user_id = $1 and confirmed_at is null \
             and begun_at > {clock} - {$2 us} and begun_at < {clock} + {1 min}"
        );
        let found = fetch_optional!(&mut self.0, (Vec<u8>,), sql, user.as_uuid(), microseconds(ENROLMENT_LIFE))?;
        Ok(found.map(|(secret,)| SealedTotpSecret(secret)))
    }

    async fn confirm_totp(&mut self, user: UserId, step: i64) -> Result<(), Unavailable> {
        let sql = sql!("update auth_totp set confirmed_at = {clock}, used_step = $2 where user_id = $1");
        execute!(&mut self.0, sql, user.as_uuid(), step)?;
        Ok(())
    }

    async fn totp(&mut self, user: UserId) -> Result<Option<TotpFactor>, Unavailable> {
        let sql = "select secret, used_step from auth_totp where user_id = $1 and confirmed_at is not null";
        let found = fetch_optional!(&mut self.0, (Vec<u8>, Option<i64>), sql, user.as_uuid())?;
        Ok(found.map(|(secret, used_step)| TotpFactor { secret: SealedTotpSecret(secret), used_step }))
    }

    async fn use_totp_step(&mut self, user: UserId, step: i64, used: Option<i64>) -> Result<bool, Unavailable> {
        let sql = "update auth_totp set used_step = $2 where user_id = $1 and used_step is not distinct from $3";
        Ok(execute!(&mut self.0, sql, user.as_uuid(), step, used)? == 1)
    }

    async fn remove_totp(&mut self, user: UserId) -> Result<bool, Unavailable> {
        let sql = "delete from auth_totp where user_id = $1 and confirmed_at is not null";
        Ok(execute!(&mut self.0, sql, user.as_uuid())? == 1)
    }

    async fn set_recovery_codes(&mut self, user: UserId, codes: &[RecoveryCodeHash]) -> Result<(), Unavailable> {
        execute!(&mut self.0, "delete from auth_recovery_codes where user_id = $1", user.as_uuid())?;
        for code in codes {
            let sql = sql!("insert into auth_recovery_codes (user_id, hash, created_at) values ($1, $2, {clock})");
            execute!(&mut self.0, sql, user.as_uuid(), &code.0[..])?;
        }
        Ok(())
    }

    async fn use_recovery_code(&mut self, user: UserId, code: &RecoveryCodeHash) -> Result<bool, Unavailable> {
        let sql = "delete from auth_recovery_codes where user_id = $1 and hash = $2";
        Ok(execute!(&mut self.0, sql, user.as_uuid(), &code.0[..])? == 1)
    }

    async fn recovery_codes_left(&mut self, user: UserId) -> Result<i64, Unavailable> {
        let sql = "select count(*) from auth_recovery_codes where user_id = $1";
        Ok(fetch_one!(&mut self.0, (i64,), sql, user.as_uuid())?.0)
    }

    async fn second_factors(&mut self, user: UserId) -> Result<Vec<AuthMethod>, Unavailable> {
        let sql = "select (select count(*) from auth_totp where user_id = $1 and confirmed_at is not null), \
             (select count(*) from auth_passkeys where user_id = $1), \
             (select count(*) from auth_recovery_codes where user_id = $1)";
        let (totp, passkeys, codes) = fetch_one!(&mut self.0, (i64, i64, i64), sql, user.as_uuid())?;
        let all = [(AuthMethod::Totp, totp), (AuthMethod::Passkey, passkeys), (AuthMethod::RecoveryCode, codes)];
        Ok(all.into_iter().filter(|(_, count)| *count > 0).map(|(method, _)| method).collect())
    }

    async fn recount_factors(&mut self, user: UserId) -> Result<bool, Unavailable> {
        let sql = "update auth_accounts set has_second_factor = \
             (exists (select 1 from auth_totp t where t.user_id = $1 and t.confirmed_at is not null) \
              or exists (select 1 from auth_passkeys p where p.user_id = $1)) \
             where user_id = $1 returning has_second_factor";
        Ok(fetch_optional!(&mut self.0, (bool,), sql, user.as_uuid())?.is_some_and(|(has_any,)| has_any))
    }

    async fn remove_factors(&mut self, user: UserId) -> Result<bool, Unavailable> {
        let codes = execute!(&mut self.0, "delete from auth_recovery_codes where user_id = $1", user.as_uuid())?;
        let totp = execute!(&mut self.0, "delete from auth_totp where user_id = $1", user.as_uuid())?;
        let passkeys = execute!(&mut self.0, "delete from auth_passkeys where user_id = $1", user.as_uuid())?;
        Ok(codes + totp + passkeys > 0)
    }

    async fn lower_sessions(
        &mut self,
        user: UserId,
        but: Option<SessionId>,
        has_second_factor: bool,
    ) -> Result<(), Unavailable> {
        // What was proven beside the password no longer counts.
        let sql = "update auth_sessions set level = $3, authenticated_at = case when id = $2 then authenticated_at end, \
             methods = case when methods like 'password %' then 'password' else methods end \
             where user_id = $1 and (id <> $2 or not $4) and ended_at is null";
        let but = but.map_or(Uuid::nil(), SessionId::as_uuid);
        execute!(&mut self.0, sql, user.as_uuid(), but, AssuranceLevel::One.as_str(), has_second_factor)?;
        Ok(())
    }

    async fn raise_session(
        &mut self,
        session: SessionId,
        methods: AuthMethods,
        level: AssuranceLevel,
    ) -> Result<(), Unavailable> {
        let sql = sql!("update auth_sessions set methods = $2, level = $3, authenticated_at = {clock} where id = $1");
        execute!(&mut self.0, sql, session.as_uuid(), methods.to_string(), level.as_str())?;
        Ok(())
    }

    async fn methods_of(&mut self, session: SessionId) -> Result<AuthMethods, Unavailable> {
        let sql = "select methods from auth_sessions where id = $1";
        let (methods,) = fetch_one!(&mut self.0, (String,), sql, session.as_uuid())?;
        Ok(AuthMethods::from(methods.as_str()))
    }

    async fn add_challenge(&mut self, challenge: &SignInChallenge) -> Result<(), Unavailable> {
        let sql = sql!(
            "insert into auth_challenges (hash, user_id, guess, created_at, expires_at) \
             values ($1, $2, $3, {clock}, {clock} + {$4 us})"
        );
        let SignInChallenge { hash, user, guess } = challenge;
        execute!(&mut self.0, sql, &hash.0[..], user.as_uuid(), &guess[..], microseconds(CHALLENGE_LIFE))?;
        Ok(())
    }

    async fn lock_challenge(&mut self, hash: &TokenHash) -> Result<Option<SignInChallenge>, Unavailable> {
        let sql = "select user_id from auth_challenges where hash = $1";
        let Some((user,)) = fetch_optional!(&mut self.0, (Uuid,), sql, &hash.0[..])? else { return Ok(None) };
        // The account first, as everywhere. The next statement sees what was committed during the wait.
        let sql = sql!("select user_id from auth_accounts where user_id = $1 {for update}");
        if fetch_optional!(&mut self.0, (Uuid,), sql, user)?.is_none() {
            return Ok(None);
        }
        let sql = sql!("select c.guess from auth_challenges c, auth_accounts a where c.hash = $1 and", CHALLENGE_WORKS);
        let found = fetch_optional!(&mut self.0, (Vec<u8>,), sql, &hash.0[..])?;
        Ok(found.map(|(guess,)| SignInChallenge { hash: *hash, user: UserId::new(user), guess }))
    }

    async fn end_challenge(&mut self, hash: &TokenHash) -> Result<(), Unavailable> {
        execute!(&mut self.0, "delete from auth_challenges where hash = $1", &hash.0[..])?;
        Ok(())
    }

    async fn end_challenges(&mut self, user: UserId) -> Result<(), Unavailable> {
        execute!(&mut self.0, "delete from auth_challenges where user_id = $1", user.as_uuid())?;
        Ok(())
    }
}

/// A level that this version does not know counts as the lowest.
pub(crate) fn level_of(text: &str) -> AssuranceLevel {
    text.parse().unwrap_or(AssuranceLevel::One)
}

fn microseconds(life: Duration) -> i64 {
    i64::try_from(life.as_micros()).unwrap_or(i64::MAX)
}
