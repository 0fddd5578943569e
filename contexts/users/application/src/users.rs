use crate::{EmailLinks, Jobs, Registrations};
use identity::UserId;
use use_case::{CommandFailure, Port, Unavailable, async_trait};
use users_domain::{Taken, Tombstone, User, UserRole};

/// A port: the stored users, within one transaction.
#[async_trait]
pub trait Users: Jobs + EmailLinks + Registrations {
    /// Adds a user. MUST return [`StoreError::Taken`], and change nothing, if a user with the same canonical email exists,
    /// or a user with the same id exists or was erased.
    async fn add(&mut self, user: &User) -> Result<(), StoreError>;

    /// Loads a user in order to change it. MUST lock the user until the transaction ends.
    async fn load(&mut self, id: UserId) -> Result<Option<User>, Unavailable>;

    /// Asks the context that signs users in whether the user may lose access with this version, and announces the loss.
    /// Returns a rejection if that context refuses. MUST take effect with the rest of the transaction, or not at all.
    /// The event that follows comes too late to be refused.
    async fn withdraw_access(&mut self, user: UserId, version: i64) -> Result<(), CommandFailure>;

    /// Stores a loaded user whose version went up by one (optimistic concurrency). MUST return `Unavailable`, and
    /// change nothing, if the stored version is not the one before. MUST return [`Taken::Email`], and change nothing, if
    /// another user has the same canonical email.
    async fn save(&mut self, user: &User) -> Result<(), StoreError>;

    /// Deletes a loaded user and keeps the tombstone. MUST return `Unavailable`, and change nothing, if the stored version
    /// is not the one before the tombstone's. MUST forget pending registrations of the user's address, and invitations to
    /// it, and return the ids that their users would have had. From then on [`add`](Self::add) MUST return [`Taken::Id`] for the id.
    async fn erase(&mut self, tombstone: &Tombstone) -> Result<Vec<UserId>, Unavailable>;

    /// Stores the role that the context which signs users in has given the user. MUST ignore a version of the role that
    /// is not above the stored one. MUST count another role as a new version of the user, whose entity tag changes.
    async fn follow_role(&mut self, user: UserId, version: i64, role: UserRole) -> Result<(), Unavailable>;
}

impl Port for dyn Users {
    const CONTEXT: &'static str = "users";
    type Tools = ();
}

/// Why a user was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Taken(#[from] Taken),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for CommandFailure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(reason) => reason.into(),
            StoreError::Unavailable(why) => why.into(),
        }
    }
}
