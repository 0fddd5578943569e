use identity::{JobId, UserId};
use use_case::{CommandFailure, Unavailable, async_trait};
use users_domain::{ImportedUser, RowError, Taken, UserFilter};

/// A port: the jobs that handle many users, within one transaction.
#[async_trait]
pub trait Jobs: Send {
    /// Takes the next stored rows of an import; `None` at the end, and for a job that was cancelled. MUST delete them: a
    /// later call does not return them again.
    async fn take_rows(&mut self, job: JobId) -> Result<Option<Vec<ImportedUser>>, Unavailable>;

    /// Adds those of the users that can be added. Returns the outcome of each, in order.
    async fn import(&mut self, users: &[ImportedUser]) -> Result<Vec<ImportOutcome>, Unavailable>;

    /// Finds the next users that match a filter, some at once; `None` at the end, and for a job that was cancelled. A later
    /// call MUST NOT return them again.
    async fn next_matching(&mut self, job: JobId, filter: &UserFilter) -> Result<Option<Vec<UserId>>, Unavailable>;

    /// Counts a step of the job, and stores its errors. The lines of the errors are numbers within the step, unless the rows have lines of their own.
    async fn advance(&mut self, job: JobId, step: &JobStep) -> Result<(), Unavailable>;

    /// Ends a job: as cancelled if it was cancelled, otherwise as succeeded.
    async fn finish(&mut self, job: JobId) -> Result<(), Unavailable>;
}

/// What happened to a row of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    Added,
    /// A user with this `ref` was imported before.
    AlreadyImported,
    Taken(Taken),
}

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobStep {
    /// The number of rows or users that the step has handled, those with errors included.
    pub done: usize,
    pub errors: Vec<RowError>,
}

impl JobStep {
    /// Counts what was done to one user. A rejection is an error of this user; the job goes on.
    ///
    /// # Errors
    /// Any other failure, after which the step has to be done again.
    pub(crate) fn count(&mut self, done: Result<(), CommandFailure>) -> Result<(), CommandFailure> {
        self.done += 1;
        match done {
            Err(CommandFailure::Rejected(why)) => {
                let line = i64::try_from(self.done).unwrap_or(i64::MAX);
                self.errors.push(RowError { line, code: why.code.to_owned(), message: why.message });
                Ok(())
            }
            done => done,
        }
    }
}
