use kernel::UserId;
use use_case::{CommandFailure, Port, Unavailable, async_trait};
use users_domain::{Taken, User};

/// The users, within one transaction.
#[async_trait]
pub trait Users: Send {
    /// Adds a user. MUST return [`AddError::Taken`] when a user with the same id or with the same
    /// canonical email exists, and MUST have changed nothing then.
    async fn add(&mut self, user: &User) -> Result<(), AddError>;

    /// A user who is about to be changed. MUST keep everybody else from changing them until the transaction ends.
    async fn load(&mut self, id: UserId) -> Result<Option<User>, Unavailable>;

    /// Asks the context that keeps sign-ins whether a user may lose theirs with this version of them, and lets it know.
    /// MUST take effect with the rest of the transaction, or not at all: the event that tells of it comes too late to be
    /// refused.
    async fn withdraw_access(&mut self, user: &User) -> Result<(), CommandFailure>;

    /// Stores a user who was loaded and whose version went up by one. MUST be `Unavailable`, and have
    /// changed nothing, when the stored version is another than the one before.
    async fn save(&mut self, user: &User) -> Result<(), Unavailable>;
}

impl Port for dyn Users {
    type Tools = ();
}

/// Why a user was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Refused.
    #[error(transparent)]
    Taken(#[from] Taken),
    /// The store does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<AddError> for CommandFailure {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Taken(reason) => reason.into(),
            AddError::Unavailable(why) => why.into(),
        }
    }
}
