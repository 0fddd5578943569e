//! Accepting commands with group commit: commands that arrive during one commit share the next one.

use crate::row::{NewRow, insert};
use crate::{Hint, Ledger, Queue};
use kernel::{MessageId, Timestamp};
use persistence::{Autocommit, Db, SqlError, SqlTimestamp, fetch_optional};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use use_case::{Message, Outgoing};
use uuid::Uuid;

/// Maximum rows in one commit.
const BATCH: usize = 256;
/// Capacity of the commit queue. When it is full, `accept` waits.
const LINE: usize = 4096;

/// A command that a client has sent and the ledger has not accepted yet.
#[derive(Debug, Clone)]
pub struct NewCommand {
    id: MessageId,
    message: Outgoing,
    principal: String,
    traceparent: Option<String>,
    once: Option<IdempotencyScope>,
}

/// An idempotency key and its scope. The ledger accepts at most one command per principal, route and key
/// (draft-ietf-httpapi-idempotency-key-header-07).
#[derive(Debug, Clone)]
pub struct IdempotencyScope {
    pub route: &'static str,
    pub key: String,
    /// A digest of the request. It MUST NOT depend on a secret, because a client could use it to test guesses of the
    /// secret.
    pub fingerprint: String,
}

/// The result of [`Ledger::accept`]: the command is on disk and will be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// A new command: its id, and when it was accepted, by the database's clock.
    New(MessageId, Timestamp),
    /// The id of the command that was accepted earlier under the same idempotency key.
    Duplicate(MessageId),
}

/// Why a command was not accepted. Nothing was written, with one exception: after `Unavailable` because of a lost
/// connection, the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The estimated wait of a new command exceeds [`NodeConfig::max_delay`](crate::NodeConfig::max_delay).
    #[error("too many commands are waiting: try again later")]
    Overloaded {
        /// How long the client should wait before it retries.
        retry_after: Duration,
    },
    /// The database cannot be reached or cannot write, or the node is stopping.
    #[error("{0}")]
    Unavailable(String),
    /// No context handles this message, which is a bug.
    #[error("no context handles {0}")]
    NoHandler(&'static str),
}

impl NewCommand {
    /// A command from `principal`. The client asks for its outcome by `id`.
    pub fn new<M: Message>(id: MessageId, message: &M, principal: impl Into<String>) -> Self {
        Self::of_outgoing(id, Outgoing::new_message(message), principal)
    }

    /// A command in its wire form, as [`new`](Self::new).
    pub fn of_outgoing(id: MessageId, message: Outgoing, principal: impl Into<String>) -> Self {
        Self { id, message, principal: principal.into(), traceparent: None, once: None }
    }

    /// Sets the idempotency key, if the client sent one.
    #[must_use]
    pub fn idempotent(mut self, once: Option<IdempotencyScope>) -> Self {
        self.once = once;
        self
    }

    /// Sets the trace context (W3C Trace Context, `traceparent`).
    #[must_use]
    pub fn traced(mut self, traceparent: Option<String>) -> Self {
        self.traceparent = traceparent;
        self
    }

    fn into_row(self, queue: &Queue) -> Result<NewRow, AcceptError> {
        let (route, idempotency_key, fingerprint) = match self.once {
            Some(once) => (Some(once.route), Some(once.key), Some(once.fingerprint)),
            None => (None, None, None),
        };
        Ok(NewRow {
            id: self.id,
            root: self.id,
            context: queue.context.into(),
            lane: queue.lane.as_str().into(),
            name: self.message.name,
            subject: self.message.subject,
            principal: self.principal,
            route,
            idempotency_key,
            fingerprint,
            traceparent: self.traceparent,
            payload: self.message.payload.map_err(AcceptError::Unavailable)?,
            awaited: true,
        })
    }
}

type Answer = oneshot::Sender<Result<Accepted, AcceptError>>;

/// The sending end of the queue before the group commit.
pub(crate) type CommitQueue = mpsc::Sender<(NewRow, Answer)>;

pub(crate) fn commit_queue() -> (CommitQueue, mpsc::Receiver<(NewRow, Answer)>) {
    mpsc::channel(LINE)
}

impl Ledger {
    /// Accepts a command. When this returns `Ok`, the command is on disk, and workers will execute it to exactly one
    /// outcome.
    ///
    /// # Errors
    /// [`AcceptError`]
    pub async fn accept(&self, entry: NewCommand) -> Result<Accepted, AcceptError> {
        let name = entry.message.name;
        let queue = self.routes.recipient(name).ok_or(AcceptError::NoHandler(name))?;
        let row = entry.into_row(queue)?;
        let (answer, answered) = oneshot::channel();
        let stopped = || AcceptError::Unavailable("the server is stopping".into());
        self.commit_queue.send((row, answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// Finds the command that was accepted earlier under the same key for the same request.
    ///
    /// # Errors
    /// [`AcceptError::KeyReused`], [`AcceptError::Unavailable`]
    pub async fn before(&self, principal: &str, once: &IdempotencyScope) -> Result<Option<MessageId>, AcceptError> {
        const BEFORE: &str =
            "select id, fingerprint from ledger_messages where principal = $1 and route = $2 and idempotency_key = $3";
        type Row = (Uuid, Option<String>);
        let unavailable = |error: SqlError| AcceptError::Unavailable(error.to_string());
        let mut db = self.db.read().await.map_err(unavailable)?;
        match fetch_optional!(&mut db, Row, BEFORE, principal, once.route, &once.key).map_err(unavailable)? {
            None => Ok(None),
            Some((id, Some(fingerprint))) if fingerprint == once.fingerprint => Ok(Some(MessageId::new(id))),
            Some(_) => Err(AcceptError::KeyReused),
        }
    }

    /// Sends one hint to each queue that has one of these committed rows. One hint suffices, because a worker claims
    /// as many rows as it has free slots.
    pub(crate) fn hint(&self, rows: &[NewRow]) {
        for queue in self.routes.queues() {
            let first = rows.iter().find(|row| row.context == queue.context && row.lane == queue.lane.as_str());
            if let Some(NewRow { id, name, traceparent, .. }) = first {
                let (name, traceparent) = ((*name).to_owned(), traceparent.clone());
                self.announce(&queue, Hint { id: *id, name, traceparent });
            }
        }
    }

    /// Commits queued commands in batches, until all senders are gone.
    ///
    /// This is a task of its own: cancelling a request must not cancel the commit it shares, nor the hint.
    pub(crate) async fn commit_groups(self, mut line: mpsc::Receiver<(NewRow, Answer)>) {
        let mut batch = Vec::with_capacity(BATCH);
        while line.recv_many(&mut batch, BATCH).await > 0 {
            // Sort the rows: two nodes that insert the same keys then lock them in the same order and cannot
            // deadlock.
            batch.sort_by(|(a, _), (b, _)| a.in_order().cmp(&b.in_order()));
            let (rows, answers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
            let results = self.write(&rows).await;
            if self.db.is_shared() && results.iter().any(|result| matches!(result, Ok(Accepted::New(..)))) {
                self.accept_pressure.record();
                self.cluster.accepted();
            }
            for (answer, result) in answers.into_iter().zip(results) {
                // A cancelled request no longer listens. Its command stays accepted.
                let _ = answer.send(result);
            }
            self.hint(&rows);
        }
    }

    /// Writes all rows in one statement. If one row makes it fail, writes each row alone, so that one bad row does
    /// not reject the others.
    async fn write(&self, rows: &[NewRow]) -> Vec<Result<Accepted, AcceptError>> {
        let mut written = write(&self.db, rows).await;
        if written.as_ref().is_err_and(|error| error.is_retried_soon() || error.is_cut_off()) {
            written = write(&self.db, rows).await;
        }
        match (written, rows) {
            (Ok(results), _) => results,
            // Each row alone would fail, too: the database cannot be reached, or a lock was not released in time.
            (Err(error), rows) if rows.len() == 1 || error.is_disconnected() || error.is_retried_soon() => {
                tracing::error!(%error, rows = rows.len(), "commands could not be written");
                rows.iter().map(|_| Err(AcceptError::Unavailable(error.to_string()))).collect()
            }
            (Err(_), rows) => {
                let mut results = Vec::with_capacity(rows.len());
                for row in rows {
                    results.extend(Box::pin(self.write(std::slice::from_ref(row))).await);
                }
                results
            }
        }
    }
}

/// Writes rows in one statement. A repetition is harmless: rows that a lost connection had already committed are
/// found by their ids.
async fn write(db: &Db, rows: &[NewRow]) -> Result<Vec<Result<Accepted, AcceptError>>, SqlError> {
    let mut on = db.autocommit().await?;
    let written = match insert(&mut on, rows).await {
        Ok(new) => Ok(answers(&mut on, rows, &new).await),
        Err(error) => Err(error),
    };
    on.keep();
    written
}

/// Builds one result per row. A new row counts as accepted, even when the query for earlier commands fails.
async fn answers(
    on: &mut Autocommit,
    rows: &[NewRow],
    new: &HashMap<Uuid, Timestamp>,
) -> Vec<Result<Accepted, AcceptError>> {
    let mut answers = Vec::with_capacity(rows.len());
    for row in rows {
        answers.push(match new.get(&row.id.as_uuid()) {
            Some(at) => Ok(Accepted::New(row.id, *at)),
            None => earlier(on, row).await,
        });
    }
    answers
}

/// Finds the earlier command with the same id or the same key. The insert waited for its commit, so the query sees
/// it.
async fn earlier(on: &mut Autocommit, row: &NewRow) -> Result<Accepted, AcceptError> {
    const EARLIER: &str = "select id, accepted_at, fingerprint from ledger_messages \
         where (id = $1 and name = $2 and subject = $3 and principal = $4) \
            or (principal = $4 and route = $5 and idempotency_key = $6) \
         order by id = $1 desc limit 1";
    let (id, key) = (row.id.as_uuid(), row.idempotency_key.as_deref());
    let earlier = fetch_optional!(
        on,
        (Uuid, SqlTimestamp, Option<String>),
        EARLIER,
        id,
        row.name,
        row.subject,
        &row.principal,
        row.route,
        key
    );
    match earlier.map_err(|error| AcceptError::Unavailable(error.to_string()))? {
        Some((earlier, at, _)) if earlier == id => Ok(Accepted::New(row.id, at.0)),
        Some((earlier, _, fingerprint)) if fingerprint == row.fingerprint => {
            Ok(Accepted::Duplicate(MessageId::new(earlier)))
        }
        Some(_) => Err(AcceptError::KeyReused),
        None => Err(AcceptError::Unavailable("another command has this id".into())),
    }
}
