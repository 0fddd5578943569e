use crate::bcrypt::{self, BcryptWork};
use crate::work::Work;
use crate::{HashPool, PURPOSE};
use auth_application::Passwords;
use auth_domain::{Cost, PasswordHash};
use kernel::{MessageId, Sealed, UserId};
use sealing::{Binding, OpenError, Opener};
use std::sync::Arc;
use use_case::{Trouble, Unavailable, async_trait};

/// Opens what the edge sealed, and hashes it.
pub struct Hashing {
    opener: Option<Opener>,
    pool: Arc<HashPool>,
    cost: Cost,
}

impl Hashing {
    /// Without an opener nothing can be opened: an API has none.
    #[must_use]
    pub const fn new(opener: Option<Opener>, pool: Arc<HashPool>, cost: Cost) -> Self {
        Self { opener, pool, cost }
    }
}

#[async_trait]
impl Passwords for Hashing {
    async fn open_and_hash(&self, sealed: &Sealed, root: MessageId, user: UserId) -> Result<PasswordHash, Trouble> {
        let opener = self.opener.as_ref().ok_or_else(|| Unavailable::for_now("this process has no private keys"))?;
        let password = opener.open(sealed, &Binding { root, user, purpose: PURPOSE }).map_err(|error| match error {
            OpenError::Unknown => Trouble::Unavailable(Unavailable::for_now(error)),
            OpenError::Broken => Trouble::Broken(error.into()),
        })?;
        let (work, salt) = bcrypt::lanes(self.cost)
            .and_then(|cost| BcryptWork::anew(cost, &password))
            .map_err(Unavailable::for_now)?;
        let digest = self.pool.run(Work::Bcrypt(work)).await?;
        bcrypt::ours(self.cost, &salt, &digest).map_err(|error| Trouble::Broken(error.into()))
    }
}
