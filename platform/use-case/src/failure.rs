use kernel::DomainError;
use std::error::Error;

/// Why a command's handler did not succeed. `?` converts errors, so that the error's type decides what happens: a
/// [`DomainError`] rejects the command, an [`Unavailable`] retries it, and any other error makes it a dead letter.
#[derive(Debug, thiserror::Error)]
pub enum CommandFailure {
    /// A rule of the domain rejects the command. This outcome is final.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A needed service does not answer. The worker retries the command.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A retry cannot help. The command becomes a dead letter, which an operator must resolve.
    #[error("broken: {0}")]
    Broken(Box<dyn Error + Send + Sync>),
}

/// Why the handler of a follow-up or an event did not succeed: as [`CommandFailure`], but without a rejection.
#[derive(Debug, thiserror::Error)]
pub enum FollowUpFailure {
    /// A needed service does not answer. The worker retries the message.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A retry cannot help. The message becomes a dead letter, which an operator must resolve.
    #[error("broken: {0}")]
    Broken(Box<dyn Error + Send + Sync>),
}

impl From<FollowUpFailure> for CommandFailure {
    fn from(failure: FollowUpFailure) -> Self {
        match failure {
            FollowUpFailure::Unavailable(why) => Self::Unavailable(why),
            FollowUpFailure::Broken(why) => Self::Broken(why),
        }
    }
}

impl<R: DomainError> From<R> for CommandFailure {
    fn from(reason: R) -> Self {
        Self::Rejected(Rejection { code: reason.code(), message: reason.to_string() })
    }
}

/// The rejection of a command by a rule of the domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Rejection {
    /// The stable code of the [`DomainError`].
    pub code: &'static str,
    /// The message of the [`DomainError`].
    pub message: String,
}

/// A needed service, such as the database, does not answer now. The message is retried.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Unavailable {
    #[source]
    cause: Box<dyn Error + Send + Sync>,
    at_once: bool,
}

impl Unavailable {
    /// The message is retried after a delay.
    #[must_use]
    pub fn retry_later(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), at_once: false }
    }

    /// The message is retried at once, because it has lost a race: a deadlock, a serialization failure, a busy lock.
    #[must_use]
    pub fn retry_soon(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), at_once: true }
    }

    /// Whether the message is retried at once.
    #[must_use]
    pub const fn is_retried_soon(&self) -> bool {
        self.at_once
    }
}

#[cfg(test)]
mod tests {
    use super::{CommandFailure, FollowUpFailure, Unavailable};

    #[derive(Debug, thiserror::Error)]
    #[error("that is taken")]
    struct Taken;
    impl kernel::DomainError for Taken {
        fn code(&self) -> &'static str {
            "taken"
        }
    }

    #[test]
    fn the_error_type_decides_the_outcome() {
        fn domain() -> Result<(), CommandFailure> {
            Err(Taken)?
        }
        fn store() -> Result<(), CommandFailure> {
            Err(Unavailable::retry_later("down"))?
        }
        fn follow_up() -> Result<(), CommandFailure> {
            Err(FollowUpFailure::Broken("unreadable".into()))?
        }
        let Err(CommandFailure::Rejected(rejection)) = domain() else { panic!("a reason rejects") };
        assert_eq!((rejection.code, rejection.to_string().as_str()), ("taken", "that is taken (taken)"));
        assert!(matches!(store(), Err(CommandFailure::Unavailable(why)) if !why.is_retried_soon()));
        assert!(matches!(follow_up(), Err(CommandFailure::Broken(why)) if why.to_string() == "unreadable"));
        assert!(Unavailable::retry_soon("deadlock").is_retried_soon());
    }
}
