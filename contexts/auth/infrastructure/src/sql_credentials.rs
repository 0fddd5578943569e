use crate::{HashPool, Share, bcrypt_sha256};
use auth_application::{Credentials, Proven};
use auth_domain::{Cost, PasswordHash};
use kernel::{Email, Secret, UserId};
use persistence::{Db, SqlError, fetch_optional};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

/// What people sign in with, in SQL.
pub struct SqlCredentials {
    db: Db,
    pool: Arc<HashPool>,
    cost: Cost,
}

impl SqlCredentials {
    /// `cost` is the one that new passwords get: an unknown address takes that much work, too.
    #[must_use]
    pub const fn new(db: Db, pool: Arc<HashPool>, cost: Cost) -> Self {
        Self { db, pool, cost }
    }

    async fn find(&self, identifier: &Email) -> Result<Option<(Uuid, String)>, SqlError> {
        let sql = "select credentials.user_id, hash from auth_accounts accounts \
             join auth_credentials credentials on credentials.user_id = accounts.user_id where identifier = $1";
        let mut db = self.db.read().await?;
        fetch_optional!(&mut db, (Uuid, String), sql, identifier.canonical())
    }

    async fn find_of(&self, user: UserId) -> Result<Option<(Uuid, String)>, SqlError> {
        let mut db = self.db.read().await?;
        let sql = "select user_id, hash from auth_credentials where user_id = $1";
        fetch_optional!(&mut db, (Uuid, String), sql, user.as_uuid())
    }

    async fn check(&self, stored: Option<(Uuid, String)>, password: &Secret) -> Result<Option<Proven>, Unavailable> {
        let hash =
            stored.as_ref().map(|(_, hash)| PasswordHash::parse(hash)).transpose().map_err(Unavailable::for_now)?;
        let PasswordHash::BcryptSha256(expected) = match hash.clone() {
            Some(hash) => hash,
            None => bcrypt_sha256::nobodys(self.cost).map_err(Unavailable::for_now)?,
        };
        let work = bcrypt_sha256::Work::again(&expected, &bcrypt_sha256::normalised(password))
            .map_err(Unavailable::for_now)?;
        let digest = self.pool.run(Share::SignIns, work).await?;
        let same: bool = digest.as_bytes().ct_eq(expected.expose_digest().as_bytes()).into();
        Ok(stored.zip(hash).filter(|_| same).map(|((user, _), hash)| Proven { user: UserId::new(user), hash }))
    }
}

#[async_trait]
impl Credentials for SqlCredentials {
    async fn verify(&self, identifier: &Email, password: &Secret) -> Result<Option<Proven>, Unavailable> {
        let stored = self.find(identifier).await?;
        self.check(stored, password).await
    }

    async fn verify_of(&self, user: UserId, password: &Secret) -> Result<Option<Proven>, Unavailable> {
        let stored = self.find_of(user).await?;
        self.check(stored, password).await
    }

    async fn hash(&self, password: &Secret) -> Result<PasswordHash, Unavailable> {
        let (work, salt) =
            bcrypt_sha256::Work::anew(self.cost, &bcrypt_sha256::normalised(password)).map_err(Unavailable::for_now)?;
        let digest = self.pool.run(Share::SignIns, work).await?;
        bcrypt_sha256::stored(self.cost, &salt, &digest).map_err(Unavailable::for_now)
    }
}
