use crate::hashing::bcrypt::{self, BcryptJob};
use crate::{HashPool, PURPOSE};
use auth_application::Passwords;
use auth_domain::{BcryptCost, PasswordHash, WeakDigest};
use identity::UserId;
use kernel::{MessageId, Sealed};
use sealing::{Binding, Opener, UnsealError};
use std::sync::Arc;
use use_case::{FollowUpFailure, Unavailable, async_trait};

/// [`Passwords`] over sealed passwords: decrypts what the HTTP edge has sealed, and hashes it.
pub struct Hashing {
    opener: Option<Opener>,
    pool: Arc<HashPool>,
    cost: BcryptCost,
}

impl Hashing {
    /// An API process has no private keys, and so no opener: every password is then `Unavailable`.
    #[must_use]
    pub const fn new(opener: Option<Opener>, pool: Arc<HashPool>, cost: BcryptCost) -> Self {
        Self { opener, pool, cost }
    }
}

#[async_trait]
impl Passwords for Hashing {
    async fn open_and_hash(
        &self,
        sealed: &Sealed,
        root: MessageId,
        user: UserId,
    ) -> Result<PasswordHash, FollowUpFailure> {
        let opener = self.opener.as_ref().ok_or_else(|| {
            Unavailable::retry_later("this process has no private keys to open passwords with: a worker has them")
        })?;
        let password =
            opener.open(sealed, &Binding { root, subject: user.as_uuid(), purpose: PURPOSE }).map_err(|error| {
                match error {
                    UnsealError::Unknown => FollowUpFailure::Unavailable(Unavailable::retry_later(error)),
                    UnsealError::Broken => FollowUpFailure::Broken(error.into()),
                }
            })?;
        let (work, salt) = bcrypt::lanes(self.cost)
            .and_then(|cost| BcryptJob::new_hash(cost, &password))
            .map_err(Unavailable::retry_later)?;
        let digest = self.pool.run(work).await?;
        bcrypt::encode_hash(self.cost, &salt, &digest).map_err(|error| FollowUpFailure::Broken(error.into()))
    }

    async fn wrap_digest(&self, weak: &WeakDigest) -> Result<PasswordHash, FollowUpFailure> {
        let (work, salt) = bcrypt::lanes(self.cost)
            .and_then(|cost| BcryptJob::wrapping(cost, weak))
            .map_err(Unavailable::retry_later)?;
        let digest = self.pool.run(work).await?;
        bcrypt::encode_wrapped(weak, self.cost, &salt, &digest).map_err(|error| FollowUpFailure::Broken(error.into()))
    }
}
