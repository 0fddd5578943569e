use crate::access::denial_log::DenialLog;
use crate::{Overloaded, SqlAuth};
use auth_access::Insufficient;
use auth_application::{Denied, UnitOfWork, UseCase, UseCaseError, act};
use auth_domain::Shortfall;
use axum::http::StatusCode;
use ledger::Adapter as _;
use persistence::{Db, SqlError, Tx};
use std::error::Error as _;
use std::time::Duration;
use use_case::Unavailable;
use web::Problem;

/// When a client should come back if something does not answer.
const RETRY: Duration = Duration::from_secs(2);
/// How often a use case that lost a race is run, at most.
const TRIES: u32 = 5;

/// Runs use cases in SQL transactions.
#[derive(Clone)]
pub struct SqlUnitOfWork {
    db: Db,
    denials: DenialLog,
}

impl SqlUnitOfWork {
    pub(crate) const fn new(db: Db, denials: DenialLog) -> Self {
        Self { db, denials }
    }
}

impl UnitOfWork for SqlUnitOfWork {
    async fn run<U: UseCase + Clone>(&self, use_case: U) -> Result<U::Outcome, UseCaseError> {
        let authority = use_case.authority().cloned();
        let done = run_in_transaction(&self.db, use_case).await;
        let is_forbidden = matches!(done, Err(UseCaseError::Denied(Denied::Forbidden)));
        if let Some(authority) = authority.filter(|_| is_forbidden) {
            self.denials.record(authority.actor(), &authority.route, &authority.client).await;
        }
        done
    }
}

/// Runs a use case in a transaction of its own and commits, whatever its outcome is. For the command line: the
/// operator's authority is never denied, so there is nothing to record.
///
/// # Errors
/// [`UseCaseError`]
pub async fn run_in_transaction<U: UseCase + Clone>(db: &Db, use_case: U) -> Result<U::Outcome, UseCaseError> {
    let mut tries = 1;
    loop {
        match run_once(db, use_case.clone()).await {
            Err(why) if why.is_retried_soon() && tries < TRIES => tries += 1,
            done => return Ok(done??),
        }
    }
}

async fn run_once<U: UseCase>(db: &Db, use_case: U) -> Result<Result<U::Outcome, Denied>, Unavailable> {
    let mut store = SqlAuth(db.begin().await?);
    let outcome = act(use_case, store.port()).await?;
    Tx::from(store).commit().await?;
    Ok(outcome)
}

/// What a session lacks, for a challenge.
pub(crate) const fn insufficient(lack: Shortfall, max_age: Duration) -> Insufficient {
    match lack {
        Shortfall::Enrolment => Insufficient::Enrolment,
        Shortfall::StepUp(level) => Insufficient::StepUp { acr: level.as_str(), max_age: max_age.as_secs() },
    }
}

/// The answer when a use case did not run: 401 or 403 where the authority was lost, otherwise 503.
pub(crate) fn not_run(why: impl Into<UseCaseError>) -> Problem {
    let why = match why.into() {
        UseCaseError::Denied(Denied::Ended) => return Problem::invalid_token(),
        UseCaseError::Denied(Denied::Forbidden) => return Problem::forbidden(),
        UseCaseError::Denied(Denied::Insufficient { lack, max_age }) => {
            return insufficient(lack, max_age).into();
        }
        UseCaseError::Unavailable(why) => why,
    };
    if let Some(error) = why.source().and_then(|cause| cause.downcast_ref::<SqlError>()) {
        return web::unavailable(error);
    }
    if let Some(overloaded) = Overloaded::from_unavailable(&why) {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too many sign in now")
            .retry_after(overloaded.retry_after);
    }
    tracing::warn!(%why, "a request of the context auth could not be served");
    Problem::unavailable(RETRY)
}
