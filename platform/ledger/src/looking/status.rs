//! The status of a command, derived from all rows of its root at each request.

use crate::Ledger;
use crate::looking::wait::Waiter;
use crate::working::outcome::{AttemptError, attempt_errors};
use kernel::{MessageId, Timestamp};
use persistence::{SqlError, SqlTimestamp, fetch_all, fetch_optional};
use tokio::time::Instant;
use uuid::Uuid;

/// The status of a command or of one of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The message is stored, and no worker has begun it.
    Accepted,
    Running,
    /// Everything that the command set in motion inside the service, and that it waits for, is done.
    Succeeded,
    /// The domain rejected the command.
    Rejected,
    /// The command could not be executed. An operator retries or discards it.
    Failed,
}

impl Status {
    /// The text in the database and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Whether the status is final. Only an operator's retry changes a final status.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Rejected | Self::Failed)
    }

    fn restore(text: &str) -> Self {
        [Self::Accepted, Self::Running, Self::Succeeded, Self::Rejected]
            .into_iter()
            .find(|status| status.as_str() == text)
            .unwrap_or(Self::Failed)
    }
}

/// A command and its outcome so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The id, which is also the capability to read the command.
    pub id: MessageId,
    /// Its wire name.
    pub name: String,
    pub subject: Uuid,
    pub principal: String,
    /// Derived from all rows that the command waits for.
    pub status: Status,
    /// When the command was accepted, by the database's clock.
    pub accepted_at: Timestamp,
    /// When the last row that the command waits for finished.
    pub finished_at: Option<Timestamp>,
    /// Attempts at the command's own row that ended in an error.
    pub attempts: i64,
    /// Why the command was rejected or failed.
    pub error: Option<AttemptError>,
    /// The messages that the command set in motion.
    pub follow_ups: Vec<FollowUp>,
}

impl Command {
    /// A command that has just been accepted, built without a query.
    #[must_use]
    pub fn just_accepted(id: MessageId, name: &str, subject: Uuid, principal: &str, at: Timestamp) -> Self {
        let (name, principal) = (name.to_owned(), principal.to_owned());
        let (status, follow_ups) = (Status::Accepted, Vec::new());
        Self {
            id,
            name,
            subject,
            principal,
            status,
            accepted_at: at,
            finished_at: None,
            attempts: 0,
            error: None,
            follow_ups,
        }
    }
}

/// A message that a command set in motion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    pub name: String,
    /// The context that handles the message.
    pub context: String,
    pub status: Status,
    pub attempts: i64,
    /// Whether the outcome of the command depends on this message.
    pub awaited: bool,
}

struct Row {
    id: Uuid,
    context: String,
    name: String,
    subject: Uuid,
    principal: String,
    status: Status,
    attempts: i64,
    deaths: i64,
    errors: Option<String>,
    accepted_at: Timestamp,
    finished_at: Option<Timestamp>,
    awaited: bool,
}

const OF_ROOT: &str = "select id, context, name, subject, principal, status, attempts, deaths, errors, accepted_at, finished_at, sequence, awaited \
     from ledger_messages where id = $1 and root = id \
     union all \
     select id, context, name, subject, principal, status, attempts, deaths, errors, accepted_at, finished_at, sequence, awaited \
     from ledger_messages where root = $1 and root <> id \
     order by 12";

type Columns = (
    Uuid,
    String,
    String,
    Uuid,
    String,
    String,
    i64,
    i64,
    Option<String>,
    SqlTimestamp,
    Option<SqlTimestamp>,
    i64,
    bool,
);

impl Ledger {
    /// Finds a command by its id. Returns `None` when there is none, or when its retention has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn command(&self, id: MessageId) -> Result<Option<Command>, SqlError> {
        let mut db = self.db.read().await?;
        let rows = fetch_all!(&mut db, Columns, OF_ROOT, id.as_uuid())?;
        Ok(derive(rows.into_iter().map(Row::restore).collect()))
    }

    /// Waits until a command is final, at most until the deadline, and returns its latest state.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn command_by(&self, id: MessageId, deadline: Instant) -> Result<Option<Command>, SqlError> {
        let (mut watch, mut latest) = (self.watch(id), None);
        while let Some(command) = watch.next(deadline).await? {
            latest = Some(command);
        }
        Ok(latest)
    }

    /// Watches a command until it is final.
    #[must_use]
    pub fn watch(&self, id: MessageId) -> Watch {
        Watch { ledger: self.clone(), waiter: self.waiters.wait_for(id), id, seen: None }
    }

    /// Waits until no command of this name about this subject is unfinished, at most until the deadline. Follow-ups
    /// of the command may still be running.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ended_by(&self, context: &str, name: &str, subject: Uuid, deadline: Instant) -> Result<(), SqlError> {
        let Some(id) = self.live(context, name, subject).await? else { return Ok(()) };
        let waiter = self.waiters.wait_for(id);
        loop {
            let news = waiter.next();
            if self.live(context, name, subject).await?.is_none() || !self.came_by(news, deadline).await {
                return Ok(());
            }
        }
    }

    /// Waits for a wake-up. Returns false at the deadline, or when the node begins to stop.
    async fn came_by(&self, news: impl Future<Output = ()>, deadline: Instant) -> bool {
        tokio::select! {
            () = news => true,
            () = self.stopping() => false,
            () = tokio::time::sleep_until(deadline) => false,
        }
    }

    /// Finds the unfinished command of this name about this subject.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn live(&self, context: &str, name: &str, subject: Uuid) -> Result<Option<MessageId>, SqlError> {
        let sql = "select id from ledger_messages where context = $1 and subject = $2 and status in ('accepted', 'running') \
             and name = $3 and id = root order by sequence limit 1";
        let mut db = self.db.read().await?;
        Ok(fetch_optional!(&mut db, (Uuid,), sql, context, subject, name)?.map(|(id,)| MessageId::new(id)))
    }
}

/// A subscription to the changes of one command.
pub struct Watch {
    ledger: Ledger,
    waiter: Waiter,
    id: MessageId,
    seen: Option<Command>,
}

impl Watch {
    /// Returns the command at first, and then whenever it has changed. Returns `None` when the command does not
    /// exist, when it was final already, at the deadline, and when the node begins to stop.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next(&mut self, deadline: Instant) -> Result<Option<Command>, SqlError> {
        if self.seen.as_ref().is_some_and(|seen| seen.status.is_final()) {
            return Ok(None);
        }
        loop {
            let news = self.waiter.next();
            let command = self.ledger.command(self.id).await?;
            if command.is_none() || command != self.seen {
                self.seen.clone_from(&command);
                return Ok(command);
            }
            if !self.ledger.came_by(news, deadline).await {
                return Ok(None);
            }
        }
    }
}

/// Derives a command from its rows; only awaited rows count. While a row is unfinished, the command is running, or
/// accepted if no row has begun. Otherwise a failed row makes the command failed. Otherwise the root's own status
/// counts.
fn derive(rows: Vec<Row>) -> Option<Command> {
    let mut rows = rows.into_iter();
    let root = rows.next()?;
    let follow_ups: Vec<Row> = rows.collect();
    let all = || std::iter::once(&root).chain(&follow_ups).filter(|row| row.awaited);
    let status = if all().any(|row| !row.status.is_final()) {
        let begun = all().any(|row| row.status != Status::Accepted || row.attempts > 0 || row.deaths > 0);
        if begun { Status::Running } else { Status::Accepted }
    } else if all().any(|row| row.status == Status::Failed) {
        Status::Failed
    } else {
        root.status
    };
    let finished_at = if status.is_final() { all().filter_map(|row| row.finished_at).max() } else { None };
    let error = match status {
        Status::Failed if root.status != Status::Failed => {
            let message = "a follow-up failed; the changes committed before it remain";
            Some(AttemptError::new("follow_up_failed", message))
        }
        Status::Rejected | Status::Failed => attempt_errors(root.errors.as_deref()).pop(),
        _ => None,
    };
    Some(Command {
        id: MessageId::new(root.id),
        name: root.name.clone(),
        subject: root.subject,
        principal: root.principal.clone(),
        status,
        accepted_at: root.accepted_at,
        finished_at,
        attempts: root.attempts,
        error,
        follow_ups: follow_ups.into_iter().map(FollowUp::from).collect(),
    })
}

impl Row {
    fn restore(columns: Columns) -> Self {
        let (id, context, name, subject, principal, status, attempts, deaths, errors, accepted, finished, _, awaited) =
            columns;
        let (accepted_at, finished_at) = (accepted.0, finished.map(|at| at.0));
        let status = Status::restore(&status);
        Self {
            id,
            context,
            name,
            subject,
            principal,
            status,
            attempts,
            deaths,
            errors,
            accepted_at,
            finished_at,
            awaited,
        }
    }
}

impl From<Row> for FollowUp {
    fn from(row: Row) -> Self {
        Self { name: row.name, context: row.context, status: row.status, attempts: row.attempts, awaited: row.awaited }
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Status, derive};
    use kernel::Timestamp;
    use uuid::Uuid;

    fn row(status: Status) -> Row {
        let at = Timestamp::now();
        Row {
            id: Uuid::nil(),
            context: "users".into(),
            name: "users.do_it.v1".into(),
            subject: Uuid::nil(),
            principal: "anonymous".into(),
            status,
            attempts: 0,
            deaths: 0,
            errors: None,
            accepted_at: at,
            finished_at: status.is_final().then_some(at),
            awaited: true,
        }
    }

    fn status(rows: &[Status]) -> Status {
        derive(rows.iter().copied().map(row).collect()).expect("there is a root").status
    }

    #[test]
    fn the_status_is_derived_from_all_rows() {
        use Status::{Accepted, Failed, Rejected, Running, Succeeded};
        assert_eq!(status(&[Accepted]), Accepted);
        assert_eq!(status(&[Running]), Running);
        assert_eq!(status(&[Rejected]), Rejected);
        assert_eq!(status(&[Failed]), Failed);
        assert_eq!(status(&[Succeeded]), Succeeded);
        assert_eq!(status(&[Succeeded, Accepted, Succeeded]), Running, "it has begun");
        assert_eq!(status(&[Succeeded, Failed, Accepted]), Running, "live before failed");
        assert_eq!(status(&[Succeeded, Failed, Succeeded]), Failed);
        assert_eq!(status(&[Succeeded, Succeeded]), Succeeded);
        assert!(derive(Vec::new()).is_none());
    }

    #[test]
    fn a_row_that_is_not_awaited_is_listed_and_does_not_change_the_outcome() {
        let unawaited = |status| Row { awaited: false, ..row(status) };
        for of_root in [Status::Accepted, Status::Running, Status::Succeeded, Status::Rejected, Status::Failed] {
            let alone = derive(vec![row(of_root)]).expect("a root");
            for status in [Status::Accepted, Status::Running, Status::Succeeded, Status::Failed] {
                let later = Row { finished_at: Some(Timestamp::now()), attempts: 3, ..unawaited(status) };
                let command = derive(vec![row(of_root), later]).expect("a root");
                assert_eq!(command.status, alone.status, "{of_root:?}, {status:?}");
                assert_eq!(command.error.map(|it| it.code), alone.error.as_ref().map(|it| it.code.clone()));
                assert_eq!(command.finished_at.is_some(), alone.finished_at.is_some());
                assert_eq!(
                    command.follow_ups.iter().map(|it| (it.status, it.awaited)).collect::<Vec<_>>(),
                    [(status, false)]
                );
            }
        }
        let failed = derive(vec![row(Status::Succeeded), unawaited(Status::Running), row(Status::Failed)]);
        assert_eq!(failed.expect("a root").status, Status::Failed, "an awaited failure counts");
    }

    #[test]
    fn a_command_has_finished_when_the_last_row_that_it_waits_for_has() {
        let done = row(Status::Succeeded);
        let at = done.finished_at;
        let late = Row {
            awaited: false,
            finished_at: Some(Timestamp::now().plus(std::time::Duration::from_secs(9))),
            ..row(Status::Failed)
        };
        assert_eq!(derive(vec![done, late]).expect("a root").finished_at, at);
    }

    #[test]
    fn a_command_that_was_tried_and_waits_again_is_running() {
        let tried = Row { attempts: 1, ..row(Status::Accepted) };
        assert_eq!(derive(vec![tried]).expect("a root").status, Status::Running);
    }

    #[test]
    fn only_a_final_command_has_a_finish_time() {
        let under_way = derive(vec![row(Status::Succeeded), row(Status::Running)]).expect("a root");
        assert_eq!(under_way.finished_at, None);
        let done = derive(vec![row(Status::Succeeded), row(Status::Succeeded)]).expect("a root");
        assert!(done.finished_at.is_some());
    }

    #[test]
    fn a_failed_follow_up_has_its_own_error_code() {
        let command = derive(vec![row(Status::Succeeded), row(Status::Failed)]).expect("a root");
        assert_eq!(command.error.map(|error| error.code).as_deref(), Some("follow_up_failed"));
    }

    #[test]
    fn every_status_reads_back_from_its_text() {
        for status in [Status::Accepted, Status::Running, Status::Succeeded, Status::Rejected, Status::Failed] {
            assert_eq!(Status::restore(status.as_str()), status);
        }
    }
}
