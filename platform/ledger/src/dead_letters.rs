//! What an operator does with messages that failed for good. Beside running nodes: they look by themselves.

use crate::outcome::{AttemptError, attempt_errors};
use kernel::{MessageId, Timestamp};
use persistence::{Db, SqlError, SqlTimestamp, execute, fetch_all};
use uuid::Uuid;

/// A row of the ledger, as operators see it: everything but its payload.
#[derive(Debug, Clone)]
pub struct LedgerMessage {
    /// The row.
    pub id: MessageId,
    /// The command that it belongs to.
    pub root: MessageId,
    /// Who works on it.
    pub context: String,
    /// Its wire name.
    pub name: String,
    /// Whether the command waits for it: if not, it changes nothing about the command's outcome.
    pub awaited: bool,
    /// `accepted`, `running`, `succeeded`, `rejected` or `failed`.
    pub status: String,
    /// Attempts that ended in an error.
    pub attempts: i64,
    /// When it was written.
    pub accepted_at: Timestamp,
    /// When it is tried again, if it waits.
    pub next_attempt_at: Timestamp,
    /// Every error so far, the last one last.
    pub errors: Vec<AttemptError>,
}

type Row = (Uuid, Uuid, String, String, bool, String, i64, SqlTimestamp, SqlTimestamp, Option<String>);

/// Rows with this status, or with any, the newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(db: &Db, status: Option<&str>, limit: i64) -> Result<Vec<LedgerMessage>, SqlError> {
    let sql = "select id, root, context, name, awaited, status, attempts, accepted_at, next_attempt_at, errors from ledger_messages \
         where status = $1 or $1 = '' order by sequence desc limit $2";
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, status.unwrap_or_default(), limit)?;
    Ok(rows.into_iter().map(LedgerMessage::restore).collect())
}

/// Every row of a command, in order; none when there is no such command.
///
/// # Errors
/// When the database does not answer.
pub async fn show(db: &Db, root: MessageId) -> Result<Vec<LedgerMessage>, SqlError> {
    let sql = "select id, root, context, name, awaited, status, attempts, accepted_at, next_attempt_at, errors from ledger_messages \
         where id = $1 or (root = $1 and root <> id) order by sequence";
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, root.as_uuid())?;
    Ok(rows.into_iter().map(LedgerMessage::restore).collect())
}

/// Makes the failed rows of a command due again, with the attempts of a fresh one; how many. What was
/// discarded stays so.
///
/// # Errors
/// When the database does not answer.
pub async fn retry(db: &Db, root: MessageId) -> Result<u64, SqlError> {
    let sql = (
        "update ledger_messages set status = 'accepted', attempts = 0, deaths = 0, finished_at = null, next_attempt_at = now() \
         where (id = $1 or (root = $1 and root <> id)) and status = 'failed' and payload is not null",
        "update ledger_messages set status = 'accepted', attempts = 0, deaths = 0, finished_at = null, \
         next_attempt_at = cast(unixepoch('subsec') * 1000000 as integer) \
         where (id = $1 or (root = $1 and root <> id)) and status = 'failed' and payload is not null",
    );
    let mut tx = db.begin().await?;
    let due = execute!(&mut tx, sql, root.as_uuid())?;
    tx.commit().await?;
    Ok(due)
}

/// Gives the failed rows of a command up: their payloads are erased, and they can never be retried; how many.
///
/// # Errors
/// When the database does not answer.
pub async fn discard(db: &Db, root: MessageId, reason: &str) -> Result<u64, SqlError> {
    let failed = "select id, errors from ledger_messages where (id = $1 or (root = $1 and root <> id)) and status = 'failed' \
         and payload is not null";
    let give_up = "update ledger_messages set payload = null, errors = $2 where id = $1 and status = 'failed'";
    let mut tx = db.begin().await?;
    let mut discarded = 0;
    for (id, errors) in fetch_all!(&mut tx, (Uuid, Option<String>), failed, root.as_uuid())? {
        let mut errors = attempt_errors(errors.as_deref());
        errors.push(AttemptError::new("discarded", reason));
        discarded += execute!(&mut tx, give_up, id, serde_json::to_string(&errors).unwrap_or_default())?;
    }
    tx.commit().await?;
    Ok(discarded)
}

/// How many rows are dated further ahead of the database's clock than they are ever written. A running node sets
/// them right.
///
/// # Errors
/// When the database does not answer.
pub async fn ahead_of_the_clock(db: &Db) -> Result<i64, SqlError> {
    crate::ahead::count(db).await
}

impl LedgerMessage {
    fn restore(row: Row) -> Self {
        let (id, root, context, name, awaited, status, attempts, accepted_at, next_attempt_at, errors) = row;
        Self {
            id: MessageId::new(id),
            root: MessageId::new(root),
            context,
            name,
            awaited,
            status,
            attempts,
            accepted_at: accepted_at.0,
            next_attempt_at: next_attempt_at.0,
            errors: attempt_errors(errors.as_deref()),
        }
    }
}
