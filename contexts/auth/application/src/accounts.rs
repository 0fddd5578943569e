use auth_domain::{PasswordHash, Role};
use contracts::ImportedAccount;
use identity::{Email, UserId};
use kernel::Timestamp;
use use_case::{Unavailable, async_trait};

/// A port: the accounts that users sign in to, and their password hashes.
#[async_trait]
pub trait Accounts: Send {
    /// Creates the account of a user who signs in with this email address, verified or not. MUST keep an account that
    /// exists.
    ///
    /// MUST return `Unavailable`, never a rejection, if another user has the address. The `users` context alone decides
    /// which user has it, and the event that frees it will come.
    async fn create(
        &mut self,
        user: UserId,
        version: i64,
        identifier: &Email,
        is_verified: bool,
    ) -> Result<(), Unavailable>;

    /// Stores another email address that a user signs in with. Returns whether it was stored. MUST ignore a version that
    /// is not above the stored one. The address MUST be stored as verified if the user has proven that they read mails to it
    /// (`verified`), or if it is another spelling of a verified one.
    ///
    /// MUST return `Unavailable` if another user has the address, as [`create`](Self::create), or if there is no account,
    /// because the message that creates it will come.
    async fn change_identifier(
        &mut self,
        user: UserId,
        version: i64,
        identifier: &Email,
        verified: bool,
    ) -> Result<bool, Unavailable>;

    /// Stores that the user's address is verified. MUST ignore a version that is not above the stored one. MUST return
    /// `Unavailable` if there is no account, because the message that creates it will come.
    async fn verify_identifier(&mut self, user: UserId, version: i64) -> Result<(), Unavailable>;

    /// Creates accounts with their password hashes, as [`create`](Self::create). MUST leave out users who were erased, also
    /// if a concurrent transaction erases one.
    async fn import(&mut self, accounts: &[ImportedAccount]) -> Result<(), Unavailable>;

    /// Deactivates an account (`since` is the time), or reactivates it (`None`). Returns whether it was stored. MUST
    /// ignore a version that is not above the stored one.
    ///
    /// MUST return `Unavailable` if there is no account, because the event that creates it will come. A retry then
    /// stores the deactivation.
    async fn set_disabled(&mut self, user: UserId, version: i64, since: Option<Timestamp>)
    -> Result<bool, Unavailable>;

    /// Stores the hash of a user's first password. MUST keep a hash that exists: a late retry must not undo a change of
    /// password.
    async fn create_credential(&mut self, user: UserId, hash: &PasswordHash) -> Result<(), Unavailable>;

    /// Replaces a hash by another. MUST change nothing, and return `false`, if the old hash is no longer stored.
    async fn replace_credential(
        &mut self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, Unavailable>;

    /// Stores the hash of a user's password, and replaces a hash that exists.
    async fn set_credential(&mut self, user: UserId, hash: &PasswordHash) -> Result<(), Unavailable>;

    /// Deletes the hash of a user's password, so that no password is right.
    async fn remove_credential(&mut self, user: UserId) -> Result<(), Unavailable>;

    /// Returns whether this user may sign in and this hash is still stored. MUST lock both until the transaction ends,
    /// so that no session is opened during a deactivation or a change of password.
    async fn lock_for_sign_in(&mut self, user: UserId, hash: &PasswordHash) -> Result<bool, Unavailable>;

    /// Deletes the account with the password hash, all sessions, tokens and devices, and an announced departure. From then on
    /// [`import`](Self::import) MUST leave the user out.
    async fn erase_account(&mut self, user: UserId) -> Result<(), Unavailable>;

    /// Returns whether the user has an account, active or not. MUST lock it until the transaction ends.
    async fn lock_account(&mut self, user: UserId) -> Result<bool, Unavailable>;

    /// Returns the address of the user if the account is active. MUST lock the account until the transaction ends.
    async fn lock_active(&mut self, user: UserId) -> Result<Option<Email>, Unavailable>;

    /// Returns the address that a user signs in with; `None` if there is no such user.
    async fn address_of(&mut self, user: UserId) -> Result<Option<Email>, Unavailable>;

    /// Returns whether the user's account is active. A deactivated user may not stay signed in.
    async fn is_enabled(&mut self, user: UserId) -> Result<bool, Unavailable>;

    /// Finds the user who signs in with this email address.
    async fn identified_by(&mut self, identifier: &Email) -> Result<Option<UserId>, Unavailable>;

    /// Sets the role of a user. Returns the version of the role, which each call raises by one, or `None` if there is no
    /// such user.
    async fn set_role(&mut self, user: UserId, role: Role) -> Result<Option<i64>, Unavailable>;

    /// Returns the users whose role was set without a version, by a process that did not publish it, with their roles.
    /// MUST give these roles the version 1, so that a call returns each of them once.
    async fn take_unversioned_roles(&mut self) -> Result<Vec<(UserId, Role)>, Unavailable>;
}
