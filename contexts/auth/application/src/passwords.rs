use crate::{LoginThrottle, TokenHash};
use auth_domain::{PasswordHash, WeakDigest};
use identity::{Email, MailTokenHash, UserId};
use kernel::{MessageId, Sealed, Secret};
use use_case::{FollowUpFailure, Unavailable, async_trait};

/// Slow work on passwords. It needs no store, and no transaction is open while it runs.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Opens a password that was sealed for this user and this command, and hashes it.
    ///
    /// A key that this process does not know is `Unavailable`: while keys change, another worker has it.
    async fn open_and_hash(
        &self,
        sealed: &Sealed,
        root: MessageId,
        user: UserId,
    ) -> Result<PasswordHash, FollowUpFailure>;

    /// Wraps an imported digest in bcrypt. Only the result may be stored for sign-ins.
    async fn wrap_digest(&self, weak: &WeakDigest) -> Result<PasswordHash, FollowUpFailure>;
}

/// A password that was verified: the user, and the hash that is stored for the user now.
///
/// A use case that grants something for it MUST check, in the transaction that grants it, that this hash is still
/// stored. A change of the password that came between then wins.
#[derive(Clone)]
pub struct VerifiedPassword {
    /// The user.
    pub user: UserId,
    /// The stored hash, its text exactly.
    pub hash: PasswordHash,
}

/// Verifies passwords. `None` means a wrong password, and says no more than that.
///
/// Every failure MUST take the same work: an unknown address, a user without a password, an unreadable hash, a hash of
/// lower cost. After a success a hash that is weaker than a new one is replaced; that ends no session, and never undoes
/// a change of the password.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Fails while a password would not be verified, because too many wait. It costs nothing: for a refusal before anything
    /// else is done.
    fn check_capacity(&self) -> Result<(), Unavailable>;

    /// Verifies the password of the user who has this address.
    async fn verify(&self, identifier: &Email, password: &Secret) -> Result<Option<VerifiedPassword>, Unavailable>;

    /// Verifies the password of a user.
    async fn verify_of(&self, user: UserId, password: &Secret) -> Result<Option<VerifiedPassword>, Unavailable>;

    /// Does the work of a wrong password, and compares nothing.
    async fn pretend(&self, password: &Secret) -> Result<(), Unavailable>;

    /// Hashes a new password while a client waits.
    async fn hash(&self, password: &Secret) -> Result<PasswordHash, Unavailable>;

    /// The address that a user signs in with; `None` when there is no such user.
    async fn identifier_of(&self, user: UserId) -> Result<Option<Email>, Unavailable>;

    /// The address of the user who was mailed this token, without using it; `None` when the token does not work.
    async fn identifier_by_token(&self, token: &MailTokenHash) -> Result<Option<Email>, Unavailable>;

    /// The user of a sign-in that waits for its second factor; `None` when the challenge does not work.
    async fn user_of_challenge(&self, challenge: &TokenHash) -> Result<Option<UserId>, Unavailable>;
}

/// The ports of a use case that compares a password before it acts.
pub struct PasswordPorts<'a, W> {
    /// Verifies passwords.
    pub credentials: &'a dyn Credentials,
    /// Limits guesses.
    pub throttle: &'a dyn LoginThrottle,
    /// Runs the steps that write.
    pub unit_of_work: &'a W,
}

impl<W> PasswordPorts<'_, W> {
    /// Runs `verify` if the [guess](crate::Guess) allows it, and otherwise does the same work for nothing.
    pub(crate) async fn compare(
        &self,
        is_compared: bool,
        password: &Secret,
        verify: impl Future<Output = Result<Option<VerifiedPassword>, Unavailable>>,
    ) -> Result<Option<VerifiedPassword>, Unavailable> {
        if is_compared { verify.await } else { self.credentials.pretend(password).await.map(|()| None) }
    }
}

/// Finds the user of an address and a password, for the operator. It takes no guess from the throttle, since the
/// operator can set any password anyway.
///
/// # Errors
/// When the store does not answer.
pub async fn user_of_password(
    credentials: &dyn Credentials,
    email: &Email,
    password: &Secret,
) -> Result<Option<UserId>, Unavailable> {
    Ok(credentials.verify(email, password).await?.map(|verified| verified.user))
}
