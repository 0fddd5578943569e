use crate::{Denied, UseCaseError};
use identity::{Email, UserId};
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;
use use_case::{Unavailable, async_trait};

/// Limits how often passwords and codes can be guessed: per account, per address and per network, on all nodes together.
#[async_trait]
pub trait LoginThrottle: Send + Sync {
    /// Takes one guess at the password of an account, whether or not that account exists.
    ///
    /// Use cases MUST call it before they compare the password, so that many requests at once cannot pass together.
    ///
    /// When the account's count has no room, an address from which the account has signed in before still gets a
    /// guess. A stranger can therefore not lock out an owner. Such a guess is [over the limit](Guess::over_limit).
    async fn acquire(&self, account: &Email, address: IpAddr) -> Result<Guess, Throttled>;

    /// Takes one guess at the second factor of a user, across all sign-ins that wait for it. Use cases MUST call it before
    /// they compare the code.
    async fn acquire_code(&self, user: UserId, address: IpAddr) -> Result<Guess, Throttled>;

    /// Gives a guess back that was [kept](Guess::keep).
    async fn refund(&self, receipt: &[u8]);
}

/// Why no guess was given.
#[derive(Debug, thiserror::Error)]
pub enum Throttled {
    /// There were too many guesses.
    #[error(transparent)]
    TooMany(#[from] TooManyGuesses),
    /// The guesses cannot be counted now, so none is allowed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// There were too many guesses at an account, or from an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many guesses at passwords or codes")]
pub struct TooManyGuesses {
    /// When the next guess is allowed.
    pub retry_after: Duration,
}

/// One guess at a password or a code. It stays counted unless [`end`](Self::end) gives it back.
#[must_use = "a guess is counted until `end` gives it back"]
pub struct Guess {
    /// Whether the password may be compared. If not, the same work MUST be done for nothing.
    pub is_compared: bool,
    /// The account's count has no room. This is then the answer to a wrong password, as it is for any other address:
    /// the answer must not tell from which addresses the account has signed in.
    pub over_limit: Option<TooManyGuesses>,
    /// What [`LoginThrottle::refund`] needs to give this guess back later.
    pub receipt: Vec<u8>,
    refund: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Guess {
    /// A guess within the limits, or over them. `refund` gives it back when it runs.
    pub fn new(
        is_compared: bool,
        over_limit: Option<TooManyGuesses>,
        receipt: Vec<u8>,
        refund: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self { is_compared, over_limit, receipt, refund: Box::pin(refund) }
    }

    /// Leaves the guess counted: the password was right, and opens nothing before the second factor is.
    pub fn keep(self) {}

    /// Ends the guess by what the use case did with it.
    ///
    /// The guess is given back when the password opened what it was shown for, and when a failure says nothing about
    /// the password. It counts in every other case: a guess that came back for a right password alone would tell that
    /// the password of a deactivated account is right.
    ///
    /// # Errors
    /// The use case's, or [`TooManyGuesses`] in its place when the guess was over the limit.
    pub async fn end<T, R>(self, done: Result<T, GuessError<R>>) -> Result<T, GuessError<R>> {
        match done {
            Err(error) if !matches!(error, GuessError::Unavailable(_)) => {
                Err(self.over_limit.map_or(error, GuessError::TooManyGuesses))
            }
            opened_or_unavailable => {
                self.refund.await;
                opened_or_unavailable
            }
        }
    }
}

/// Why a use case that compares a password or a code did nothing.
#[derive(Debug, thiserror::Error)]
pub enum GuessError<R> {
    /// The use case itself rejects the request, as for a wrong password.
    #[error("{0}")]
    Rejected(R),
    /// There were too many guesses.
    #[error(transparent)]
    TooManyGuesses(#[from] TooManyGuesses),
    /// The session has ended meanwhile.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Something does not answer. This says nothing about the password or the code.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl<R> GuessError<R> {
    /// The result of a step that may itself reject.
    pub(crate) fn flatten<T>(done: Result<Result<T, R>, UseCaseError>) -> Result<T, Self> {
        done?.map_err(Self::Rejected)
    }
}

impl<R> From<Throttled> for GuessError<R> {
    fn from(why: Throttled) -> Self {
        match why {
            Throttled::TooMany(why) => Self::TooManyGuesses(why),
            Throttled::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl<R> From<UseCaseError> for GuessError<R> {
    fn from(why: UseCaseError) -> Self {
        match why {
            UseCaseError::Denied(why) => Self::Denied(why),
            UseCaseError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}
