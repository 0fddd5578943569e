use crate::Passwords;
use auth_domain::PasswordHash;
use kernel::{Email, UserId};
use use_case::{Port, Unavailable, async_trait};

/// Who can sign in, and with what, within one transaction.
#[async_trait]
pub trait Auth: Send {
    /// Stores the address that a user signs in with. MUST ignore a version that is not above the one it holds.
    ///
    /// When another user holds that address it is `Unavailable`, never a refusal: `users` alone
    /// decides who has which, and the event that frees it is on its way.
    async fn identify(&mut self, user: UserId, version: i64, identifier: &Email) -> Result<(), Unavailable>;

    /// Stores a user's first password. MUST keep the one that is there, if there is one: a late
    /// retry may not undo a change.
    async fn create_credential(&mut self, user: UserId, hash: &PasswordHash) -> Result<(), Unavailable>;
}

impl Port for dyn Auth {
    type Tools = dyn Passwords;
}
