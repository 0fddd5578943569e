use kernel::Reason;
use std::error::Error;

/// How a command may end other than well. The type decides what happens, at the `?`: a reason of
/// the domain rejects, an unavailable store retries, anything else is left to an operator.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
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

/// How a follow-up or a reaction may end other than well: as [`Failure`], but it cannot be rejected.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Not now. It is tried again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Trying again cannot help: the dead letter.
    #[error("broken: {0}")]
    Broken(Box<dyn Error + Send + Sync>),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unavailable(why) => Self::Unavailable(why),
            Trouble::Broken(why) => Self::Broken(why),
        }
    }
}

impl<R: Reason> From<R> for Failure {
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
    pub fn for_now(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), at_once: false }
    }

    /// Lost a race (a deadlock, a serialization failure, a busy lock): worth another try at once.
    #[must_use]
    pub fn for_a_moment(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), at_once: true }
    }

    /// Whether another try makes sense at once.
    #[must_use]
    pub const fn is_momentary(&self) -> bool {
        self.at_once
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Trouble, Unavailable};

    #[derive(Debug, thiserror::Error)]
    #[error("that is taken")]
    struct Taken;
    impl kernel::Reason for Taken {
        fn code(&self) -> &'static str {
            "taken"
        }
    }

    #[test]
    fn the_type_decides_at_the_question_mark() {
        fn domain() -> Result<(), Failure> {
            Err(Taken)?
        }
        fn store() -> Result<(), Failure> {
            Err(Unavailable::for_now("down"))?
        }
        fn follow_up() -> Result<(), Failure> {
            Err(Trouble::Broken("unreadable".into()))?
        }
        let Err(Failure::Rejected(rejection)) = domain() else { panic!("a reason rejects") };
        assert_eq!((rejection.code, rejection.to_string().as_str()), ("taken", "that is taken (taken)"));
        assert!(matches!(store(), Err(Failure::Unavailable(why)) if !why.is_momentary()));
        assert!(matches!(follow_up(), Err(Failure::Broken(why)) if why.to_string() == "unreadable"));
        assert!(Unavailable::for_a_moment("deadlock").is_momentary());
    }
}
