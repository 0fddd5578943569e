use crate::tokens::{AccessTokens, TokenError};
use crate::{Overloaded, SqlAuth};
use auth_application::{Actor, Authority, Credentials, Denied, UseCase, act};
use auth_domain::{PasswordPolicy, SessionLife};
use axum::http::StatusCode;
use kernel::{Email, Secret, UserId};
use ledger::Adapter as _;
use persistence::{Db, Tx};
use std::sync::Arc;
use std::time::Duration;
use use_case::Unavailable;
use web::{Problem, RateLimiter, RequestTasks};

/// When to come back when something does not answer.
const RETRY: Duration = Duration::from_secs(2);
/// How often a use case that lost a race is done again.
const TRIES: u32 = 5;

/// What the routes of this context need: it does use cases while somebody waits.
#[derive(Clone)]
pub struct AuthService {
    pub(crate) db: Db,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) tokens: AccessTokens,
    pub(crate) policy: PasswordPolicy,
    pub(crate) life: SessionLife,
    pub(crate) limits: RateLimiter,
    pub(crate) tasks: RequestTasks,
}

impl AuthService {
    /// Puts it together.
    #[must_use]
    pub fn new(
        db: Db,
        credentials: Arc<dyn Credentials>,
        tokens: AccessTokens,
        policy: PasswordPolicy,
        life: SessionLife,
        limits: RateLimiter,
        tasks: RequestTasks,
    ) -> Self {
        Self { db, credentials, tokens, policy, life, limits, tasks }
    }

    /// Does a use case in a transaction of its own, and commits it, whatever came of it. That one was denied for want
    /// of a role or a scope is put on record.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn run<U: UseCase + Clone>(&self, use_case: U) -> Result<U::Outcome, RequestError> {
        let authority = use_case.authority().cloned();
        let done = perform(&self.db, use_case).await;
        if let (Err(RequestError::Denied(Denied::Forbidden)), Some(Authority { client, route, .. })) =
            (&done, &authority)
        {
            let actor = authority.as_ref().map_or(Actor::Anonymous, Authority::actor);
            self.record_denial(actor, route, client).await;
        }
        done
    }

    /// Whose address and password these are. For who may know: it counts no failures.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn owner_of(&self, email: &Email, password: &Secret) -> Result<Option<UserId>, Unavailable> {
        Ok(self.credentials.verify(email, password).await?.map(|verified| verified.user))
    }
}

/// Why a use case was not done.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Its authority does not hold any more, and nothing was done.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database does not answer. Whether it was done is not known then.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Does a use case in a transaction of its own, and commits it, whatever came of it. For the command
/// line, which has a database and nothing else.
///
/// # Errors
/// [`RequestError`]
pub async fn perform<U: UseCase + Clone>(db: &Db, use_case: U) -> Result<U::Outcome, RequestError> {
    let mut tries = 1;
    loop {
        match run_once(db, use_case.clone()).await {
            Err(why) if why.is_retried_soon() && tries < TRIES => tries += 1,
            done => return Ok(done??),
        }
    }
}

async fn run_once<U: UseCase>(db: &Db, use_case: U) -> Result<Result<U::Outcome, Denied>, Unavailable> {
    let mut store = SqlAuth::from(db.begin().await?);
    let outcome = act(use_case, store.port()).await?;
    Tx::from(store).commit().await?;
    Ok(outcome)
}

/// 401 or 403 where the authority is lost; otherwise 503: nothing is allowed that cannot be checked.
pub(crate) fn unavailable(why: impl Into<RequestError>) -> Problem {
    let why = match why.into() {
        RequestError::Denied(Denied::Ended) => return Problem::invalid_token(),
        RequestError::Denied(Denied::Forbidden) => return Problem::forbidden(),
        RequestError::Unavailable(why) => why,
    };
    if let Some(busy) = Overloaded::from_unavailable(&why) {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too many sign in now")
            .retry_after(busy.retry_after);
    }
    tracing::warn!(%why, "not available for a sign-in or what follows from one");
    Problem::unavailable(RETRY)
}

/// 500.
pub(crate) fn broken(why: TokenError) -> Problem {
    tracing::error!(%why, "no token can be made");
    Problem::internal()
}
