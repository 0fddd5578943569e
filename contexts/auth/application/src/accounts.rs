use auth_domain::{PasswordHash, Role};
use kernel::{Email, Timestamp, UserId};
use use_case::{Unavailable, async_trait};

/// Who can sign in, and with what.
#[async_trait]
pub trait Accounts: Send {
    /// Stores the address that a user signs in with. MUST ignore a version that is not above the one it holds.
    ///
    /// When another user holds that address it is `Unavailable`, never a refusal: `users` alone
    /// decides who has which, and the event that frees it is on its way.
    async fn upsert_identifier(&mut self, user: UserId, version: i64, identifier: &Email) -> Result<(), Unavailable>;

    /// Stores since when a user may not sign in, or that they may; whether it did. MUST ignore a version
    /// that is not above the one it holds.
    ///
    /// When there is no account it is `Unavailable`, since the event that makes it is on its way: whoever
    /// is deactivated is so from the first moment on.
    async fn set_disabled(&mut self, user: UserId, version: i64, since: Option<Timestamp>)
    -> Result<bool, Unavailable>;

    /// Stores a user's first password. MUST keep the one that is there, if there is one: a late
    /// retry may not undo a change.
    async fn create_credential(&mut self, user: UserId, hash: &PasswordHash) -> Result<(), Unavailable>;

    /// Puts a hash in the place of another. MUST change nothing, and say `false`, when the old one
    /// is not stored any more.
    async fn replace_credential(
        &mut self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, Unavailable>;

    /// Stores a user's password, in the place of the one that is there, if there is one.
    async fn set_credential(&mut self, user: UserId, hash: &PasswordHash) -> Result<(), Unavailable>;

    /// Whether this user may sign in, and with this very hash. MUST hold off changes of either
    /// until the transaction ends, so that a session is never opened behind a change's back.
    async fn lock_for_sign_in(&mut self, user: UserId, hash: &PasswordHash) -> Result<bool, Unavailable>;

    /// Whether this user may go on being signed in.
    async fn is_enabled(&mut self, user: UserId) -> Result<bool, Unavailable>;

    /// Who signs in with this address.
    async fn identified_by(&mut self, identifier: &Email) -> Result<Option<UserId>, Unavailable>;

    /// Gives a user a role; whether there is such a user.
    async fn set_role(&mut self, user: UserId, role: Role) -> Result<bool, Unavailable>;
}
