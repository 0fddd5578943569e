use kernel::DomainError;
use std::error::Error;

/// How a command may end other than well. The type decides what happens, at the `?`: a reason of
/// the domain rejects, an unavailable store retries, anything else is left to an operator.
#[derive(Debug, thiserror::Error)]
pub enum CommandFailure {
    /// The business said no. That is an outcome, and it is final.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Not now. It is tried again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Trying again cannot help, and it is not the business that said no: the dead letter.
    #[error("broken: {0}")]
    Broken(Box<dyn Error + Send + Sync>),
}

/// How a follow-up or a reaction may end other than well: as [`CommandFailure`], but it cannot be rejected.
#[derive(Debug, thiserror::Error)]
pub enum FollowUpFailure {
    /// Not now. It is tried again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Trying again cannot help: the dead letter.
    #[error("broken: {0}")]
    Broken(Box<dyn Error + Send + Sync>),
}

impl From<FollowUpFailure> for CommandFailure {
    fn from(trouble: FollowUpFailure) -> Self {
        match trouble {
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

/// The business said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Rejection {
    /// The reason's stable code.
    pub code: &'static str,
    /// The reason as a sentence.
    pub message: String,
}

/// Something that is needed does not answer now.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Unavailable {
    #[source]
    cause: Box<dyn Error + Send + Sync>,
    at_once: bool,
}

impl Unavailable {
    /// Worth another try after a while.
    #[must_use]
    pub fn retry_later(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), at_once: false }
    }

    /// Lost a race (a deadlock, a serialization failure, a busy lock): worth another try at once.
    #[must_use]
    pub fn retry_soon(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), at_once: true }
    }

    /// Whether another try makes sense at once.
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
    fn the_type_decides_at_the_question_mark() {
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
