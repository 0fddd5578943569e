//! Accepting: one durable commit, shared by all who arrive while the one before is under way.

use crate::row::{NewRow, insert};
use crate::{Hint, Ledger, Queue};
use kernel::{MessageId, Timestamp};
use persistence::{Autocommit, Db, SqlError, SqlTimestamp, fetch_optional};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use use_case::{Message, Outgoing};
use uuid::Uuid;

/// Rows in one commit, at most.
const BATCH: usize = 256;
/// Requests that may wait for a commit; the next ones wait to be let in.
const LINE: usize = 4096;

/// A command at the edge.
#[derive(Debug, Clone)]
pub struct NewCommand {
    id: MessageId,
    message: Outgoing,
    principal: String,
    traceparent: Option<String>,
    once: Option<IdempotencyScope>,
}

/// That a client wants this at most once (draft-ietf-httpapi-idempotency-key-header-07).
#[derive(Debug, Clone)]
pub struct IdempotencyScope {
    /// What kind of request it is.
    pub route: &'static str,
    /// The client's key.
    pub key: String,
    /// What the request asks for, digested. It MUST NOT depend on a secret: that would be an oracle for guessing it.
    pub fingerprint: String,
}

/// It will be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// As this command, at this time by the database's clock.
    New(MessageId, Timestamp),
    /// It was accepted before, as that command, under the same key.
    Duplicate(MessageId),
}

/// Nothing was written; but for `Unavailable` after a lost connection, when it is not known.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// More is waiting than can be done in time.
    #[error("too much is waiting")]
    Overloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// The database does not answer, or cannot write.
    #[error("{0}")]
    Unavailable(String),
    /// Nobody handles it: a fault of the program.
    #[error("no context handles {0}")]
    NoHandler(&'static str),
}

impl NewCommand {
    /// A command, from whom, under the id by which its outcome can be asked for.
    pub fn new<M: Message>(id: MessageId, message: &M, principal: impl Into<String>) -> Self {
        Self {
            id,
            message: Outgoing::new_message(message, false),
            principal: principal.into(),
            traceparent: None,
            once: None,
        }
    }

    /// At most once under a key.
    #[must_use]
    pub fn idempotent(mut self, once: Option<IdempotencyScope>) -> Self {
        self.once = once;
        self
    }

    /// Part of a trace (W3C Trace Context, `traceparent`).
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

/// The line before the commit.
pub(crate) type CommitQueue = mpsc::Sender<(NewRow, Answer)>;

pub(crate) fn commit_queue() -> (CommitQueue, mpsc::Receiver<(NewRow, Answer)>) {
    mpsc::channel(LINE)
}

impl Ledger {
    /// Accepts a command: when this returns Ok it is on disk, and it will be executed to exactly one outcome.
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

    /// The command that was accepted under the same key for the same request, if there is one.
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

    /// Hands out hints for rows that have been committed: one for each queue. It makes a worker look, and a worker that
    /// looks takes as much as it can.
    pub(crate) fn hint(&self, rows: &[NewRow]) {
        for queue in self.routes.queues() {
            let first = rows.iter().find(|row| row.context == queue.context && row.lane == queue.lane.as_str());
            if let Some(NewRow { id, name, traceparent, .. }) = first {
                let (name, traceparent) = ((*name).to_owned(), traceparent.clone());
                self.announce(&queue, Hint { id: *id, name, traceparent });
            }
        }
    }

    /// Commits what stands in line, batch by batch, until nobody can join it any more.
    ///
    /// A task of its own: a request that is cancelled must cancel neither the commit it shares nor the hint.
    pub(crate) async fn commit_groups(self, mut line: mpsc::Receiver<(NewRow, Answer)>) {
        let mut batch = Vec::with_capacity(BATCH);
        while line.recv_many(&mut batch, BATCH).await > 0 {
            // One order for everybody: two nodes that insert the same keys cannot deadlock.
            batch.sort_by(|(a, _), (b, _)| a.in_order().cmp(&b.in_order()));
            let (rows, answers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
            let results = self.write(&rows).await;
            if self.db.is_shared() && results.iter().any(|result| matches!(result, Ok(Accepted::New(..)))) {
                self.accept_pressure.record();
                self.cluster.accepted();
            }
            for (answer, result) in answers.into_iter().zip(results) {
                // Nobody listens when the request was cancelled; the command stands.
                let _ = answer.send(result);
            }
            self.hint(&rows);
        }
    }

    /// Writes all of them, or else each by itself: one bad row harms no neighbour.
    async fn write(&self, rows: &[NewRow]) -> Vec<Result<Accepted, AcceptError>> {
        let mut written = write(&self.db, rows).await;
        if written.as_ref().is_err_and(|error| error.is_retried_soon() || error.is_cut_off()) {
            written = write(&self.db, rows).await;
        }
        match (written, rows) {
            (Ok(results), _) => results,
            // It is not for a row that nobody answers, or that a lock was not had: each would wait for it in vain.
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

/// Harmless to repeat: what a lost connection had written by then is found by its id.
async fn write(db: &Db, rows: &[NewRow]) -> Result<Vec<Result<Accepted, AcceptError>>, SqlError> {
    let mut on = db.autocommit().await?;
    let written = match insert(&mut on, rows).await {
        Ok(new) => Ok(answers(&mut on, rows, &new).await),
        Err(error) => Err(error),
    };
    on.keep();
    written
}

/// What is new is accepted, whatever becomes of the question what the others are.
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

/// The same command, or one that bears the same key. The insert waited for it to be committed, so that it is there.
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
