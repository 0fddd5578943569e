use auth_domain::PasswordHash;
use kernel::{Email, MessageId, Sealed, Secret, UserId};
use use_case::{FollowUpFailure, Unavailable, async_trait};

/// Slow work on passwords. It needs no store, and no transaction is open while it runs.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Opens a password that was sealed for this user and this command, and hashes it.
    ///
    /// A key that is not known here is `Unavailable`: while keys change, another worker has it.
    async fn open_and_hash(
        &self,
        sealed: &Sealed,
        root: MessageId,
        user: UserId,
    ) -> Result<PasswordHash, FollowUpFailure>;
}

/// A password that fitted: whose it is, and the hash that is stored for them now.
///
/// Whoever grants something for it MUST check, in the transaction that grants it, that this hash is
/// still the stored one: a change of password that came between wins.
#[derive(Clone)]
pub struct VerifiedPassword {
    /// Whose it is.
    pub user: UserId,
    /// What is stored, its text exactly.
    pub hash: PasswordHash,
}

/// What people sign in with. `None` says no more than that it does not fit.
///
/// MUST take the same work for whatever does not fit: an address that nobody has, a person without
/// a password, a hash that cannot be read, one of lower cost. A hash that is not as good as a new one is replaced
/// once its password is known; that ends no session, and never undoes a change.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Whose address and password these are.
    async fn verify(&self, identifier: &Email, password: &Secret) -> Result<Option<VerifiedPassword>, Unavailable>;

    /// Whether this is the user's password, for a change of it.
    async fn verify_of(&self, user: UserId, password: &Secret) -> Result<Option<VerifiedPassword>, Unavailable>;

    /// Compares the password with nothing: only the work of one that does not fit is done.
    async fn pretend(&self, password: &Secret) -> Result<(), Unavailable>;

    /// Hashes a new password, while somebody waits.
    async fn hash(&self, password: &Secret) -> Result<PasswordHash, Unavailable>;
}
