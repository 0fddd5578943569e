use crate::HashPool;
use crate::hashing::verify::{PasswordMatch, StoredHash, Verifier};
use crate::sql::factors::CHALLENGE_WORKS;
use crate::sql::reset_tokens::{PURPOSE, WORKS};
use auth_application::{Credentials, TokenHash, VerifiedPassword};
use auth_domain::{BcryptCost, PasswordHash};
use identity::{Email, MailTokenHash, UserId};
use kernel::Secret;
use persistence::{Db, SqlError, execute, fetch_optional, sql};
use std::sync::Arc;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

/// How often a hash may have changed while it was verified.
const ROUNDS: usize = 3;

/// What people sign in with, in SQL.
pub struct SqlCredentials {
    db: Db,
    verifier: Verifier,
}

impl SqlCredentials {
    /// `cost` is the one that new passwords get: an unknown address takes that much work, too.
    #[must_use]
    pub const fn new(db: Db, pool: Arc<HashPool>, cost: BcryptCost) -> Self {
        Self { db, verifier: Verifier::new(pool, cost) }
    }

    async fn find(&self, identifier: &Email) -> Result<Option<StoredHash>, SqlError> {
        let sql = "select credentials.user_id, hash from auth_accounts accounts \
             join auth_credentials credentials on credentials.user_id = accounts.user_id where identifier = $1";
        let mut db = self.db.read().await?;
        Ok(fetch_optional!(&mut db, (Uuid, String), sql, identifier.canonical())?
            .map(|(user, hash)| StoredHash { user: UserId::new(user), hash }))
    }

    async fn find_of(&self, user: UserId) -> Result<Option<StoredHash>, SqlError> {
        let sql = "select hash from auth_credentials where user_id = $1";
        let mut db = self.db.read().await?;
        Ok(fetch_optional!(&mut db, (String,), sql, user.as_uuid())?.map(|(hash,)| StoredHash { user, hash }))
    }

    async fn prove(
        &self,
        mut found: Option<StoredHash>,
        password: &Secret,
    ) -> Result<Option<VerifiedPassword>, Unavailable> {
        for _ in 0..ROUNDS {
            let fit = self.verifier.matches(found.as_ref(), password).await?;
            let (Some(mut fit), Some(StoredHash { user, .. })) = (fit, found) else { return Ok(None) };
            if let Some(hash) = self.renewed(user, &mut fit, password).await? {
                return Ok(Some(VerifiedPassword { user, hash }));
            }
            // The password has been changed, or another sign-in has renewed the hash.
            found = self.find_of(user).await?;
        }
        Err(Unavailable::retry_soon("a stored password hash changes faster than it can be verified"))
    }

    /// The hash that is stored from now on; `None` when what fitted has been replaced meanwhile.
    async fn renewed(
        &self,
        user: UserId,
        fit: &mut PasswordMatch,
        password: &Secret,
    ) -> Result<Option<PasswordHash>, Unavailable> {
        let Some(new) = self.verifier.renewed(fit, password).await? else { return Ok(Some(fit.hash.clone())) };
        let mut tx = self.db.begin().await?;
        let sql = "update auth_credentials set hash = $1 where user_id = $2 and hash = $3";
        let swapped = execute!(&mut tx, sql, new.expose(), user.as_uuid(), fit.hash.expose())?;
        tx.commit().await?;
        Ok((swapped == 1).then_some(new))
    }
}

#[async_trait]
impl Credentials for SqlCredentials {
    fn check_capacity(&self) -> Result<(), Unavailable> {
        self.verifier.check_capacity()
    }

    async fn verify(&self, identifier: &Email, password: &Secret) -> Result<Option<VerifiedPassword>, Unavailable> {
        let found = self.find(identifier).await?;
        self.prove(found, password).await
    }

    async fn verify_of(&self, user: UserId, password: &Secret) -> Result<Option<VerifiedPassword>, Unavailable> {
        let found = self.find_of(user).await?;
        self.prove(found, password).await
    }

    async fn pretend(&self, password: &Secret) -> Result<(), Unavailable> {
        self.prove(None, password).await.map(drop)
    }

    async fn hash(&self, password: &Secret) -> Result<PasswordHash, Unavailable> {
        self.verifier.hash(password).await
    }

    async fn identifier_of(&self, user: UserId) -> Result<Option<Email>, Unavailable> {
        let mut db = self.db.read().await?;
        let sql = "select identifier from auth_accounts where user_id = $1";
        let found = fetch_optional!(&mut db, (String,), sql, user.as_uuid())?;
        Ok(found.and_then(|(identifier,)| Email::parse(&identifier).ok()))
    }

    async fn identifier_by_token(&self, token: &MailTokenHash) -> Result<Option<Email>, Unavailable> {
        let sql = sql!("select a.identifier from auth_mail_tokens t, auth_accounts a where t.hash = $1 and", WORKS);
        let mut db = self.db.read().await?;
        let found = fetch_optional!(&mut db, (String,), sql, &token.0[..], PURPOSE)?;
        Ok(found.and_then(|(identifier,)| Email::parse(&identifier).ok()))
    }

    async fn user_of_challenge(&self, challenge: &TokenHash) -> Result<Option<UserId>, Unavailable> {
        let sql =
            sql!("select a.user_id from auth_challenges c, auth_accounts a where c.hash = $1 and", CHALLENGE_WORKS);
        let mut db = self.db.read().await?;
        let found = fetch_optional!(&mut db, (Uuid,), sql, &challenge.0[..])?;
        Ok(found.map(|(user,)| UserId::new(user)))
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
