use crate::{Denied, UseCase};
use use_case::Unavailable;

/// Runs each use case in a transaction of its own.
pub trait UnitOfWork: Send + Sync {
    /// Runs a use case by [`act`](crate::act) and commits, whatever its outcome is: a refusal may have something to
    /// record. MUST run it again when the transaction lost a race, and MUST record a denial in the audit log.
    fn run<U: UseCase + Clone>(&self, use_case: U) -> impl Future<Output = Result<U::Outcome, UseCaseError>> + Send;
}

/// Why a use case did not run.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    /// Its authority no longer holds, and nothing was done.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database does not answer. It is then unknown whether the use case was done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
