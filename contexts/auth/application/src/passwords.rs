use auth_domain::PasswordHash;
use kernel::{Email, MessageId, Sealed, Secret, UserId};
use use_case::{Trouble, Unavailable, async_trait};

/// Slow work on passwords. It needs no store, and no transaction is open while it runs.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Opens a password that was sealed for this user and this command, and hashes it.
    ///
    /// A key that is not known here is `Unavailable`: while keys change, another worker has it.
    async fn open_and_hash(&self, sealed: &Sealed, root: MessageId, user: UserId) -> Result<PasswordHash, Trouble>;
}

/// A password that fitted: whose it is, and the hash that is stored for them now.
#[derive(Debug, Clone)]
pub struct Proven {
    /// Whose.
    pub user: UserId,
    /// As stored. Whoever acts on it MUST check, in the transaction, that it still is.
    pub hash: PasswordHash,
}

/// What people sign in with.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Whose address and password these are. `None` says no more than that they do not fit: MUST
    /// take the same work whether the address is known or not.
    async fn verify(&self, identifier: &Email, password: &Secret) -> Result<Option<Proven>, Unavailable>;

    /// Whether this is the user's password. `None` as above.
    async fn verify_of(&self, user: UserId, password: &Secret) -> Result<Option<Proven>, Unavailable>;

    /// The hash of a new password, while somebody waits.
    async fn hash(&self, password: &Secret) -> Result<PasswordHash, Unavailable>;
}
