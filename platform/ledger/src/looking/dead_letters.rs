//! Administration of dead letters: an operator lists, retries and discards messages that failed for good. Running
//! nodes find the changed rows by polling.

use crate::working::outcome::{AttemptError, attempt_errors};
use kernel::{MessageId, Timestamp};
use persistence::{Db, DialectSql, QueryBuilder, SqlError, SqlTimestamp, execute, fetch_all, sql};
use uuid::Uuid;

/// A row of the ledger as operators see it, without its payload.
#[derive(Debug, Clone)]
pub struct LedgerMessage {
    pub id: MessageId,
    /// The command that caused this message, or the message itself.
    pub root: MessageId,
    /// The context that handles the message.
    pub context: String,
    pub name: String,
    /// Whether the outcome of the command depends on this row.
    pub awaited: bool,
    /// `accepted`, `running`, `succeeded`, `rejected` or `failed`.
    pub status: String,
    /// Attempts that ended in an error.
    pub attempts: i64,
    pub accepted_at: Timestamp,
    /// When a worker tries the message again, if its status is `accepted`.
    pub next_attempt_at: Timestamp,
    /// The errors of all attempts, the latest last.
    pub errors: Vec<AttemptError>,
}

/// The beginning of an SQL statement that selects a [`Row`] for each message.
const MESSAGES: &str = "select id, root, context, name, awaited, status, attempts, accepted_at, next_attempt_at, errors \
     from ledger_messages";

type Row = (Uuid, Uuid, String, String, bool, String, i64, SqlTimestamp, SqlTimestamp, Option<String>);

/// Lists up to `limit` rows with this status, or with any status, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(db: &Db, status: Option<&str>, limit: i64) -> Result<Vec<LedgerMessage>, SqlError> {
    let rows: Vec<Row> = latest(MESSAGES, status, limit).fetch_all(&mut db.read().await?).await?;
    Ok(rows.into_iter().map(LedgerMessage::restore).collect())
}

/// The query of a list, after `select` or `explain`.
fn latest(select: impl DialectSql, status: Option<&str>, limit: i64) -> QueryBuilder {
    let mut query = QueryBuilder::new(select);
    // Constants, not values: the databases use a partial index only if they see its condition.
    query.push(match status {
        None => "",
        Some("accepted") => "where status = 'accepted'",
        Some("running") => "where status = 'running'",
        Some("succeeded") => "where status = 'succeeded'",
        Some("rejected") => "where status = 'rejected'",
        Some("failed") => "where status = 'failed'",
        Some(_) => "where false",
    });
    query.push("order by sequence desc limit").bind(limit);
    query
}

/// Lists all rows of a command in order. The list is empty when there is no such command.
///
/// # Errors
/// When the database does not answer.
pub async fn show(db: &Db, root: MessageId) -> Result<Vec<LedgerMessage>, SqlError> {
    let sql = sql!(MESSAGES, "where id = $1 or (root = $1 and root <> id) order by sequence");
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, root.as_uuid())?;
    Ok(rows.into_iter().map(LedgerMessage::restore).collect())
}

/// Lists the messages about a subject that still have their content, in order: those that are not finished, and those that
/// have failed and wait for an operator.
///
/// # Errors
/// When the database does not answer.
pub async fn about(db: &Db, subject: Uuid) -> Result<Vec<LedgerMessage>, SqlError> {
    let sql = sql!(
        MESSAGES,
        "where subject = $1 and payload is not null and (status in ('accepted', 'running') or status = 'failed') \
         order by sequence"
    );
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, subject)?;
    Ok(rows.into_iter().map(LedgerMessage::restore).collect())
}

/// Makes the failed rows of a command due again, resets their attempts, and returns how many there were. Discarded
/// rows stay failed.
///
/// # Errors
/// When the database does not answer.
pub async fn retry(db: &Db, root: MessageId) -> Result<u64, SqlError> {
    let sql = sql!(
        "update ledger_messages set status = 'accepted', attempts = 0, deaths = 0, finished_at = null, next_attempt_at = {now} \
         where (id = $1 or (root = $1 and root <> id)) and status = 'failed' and payload is not null"
    );
    let mut tx = db.begin().await?;
    let due = execute!(&mut tx, sql, root.as_uuid())?;
    tx.commit().await?;
    Ok(due)
}

/// Discards the failed rows of a command and returns how many there were. Their payloads are erased, so they can
/// never be retried.
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

/// Counts the rows with a time further in the future than the ledger ever writes. A running node corrects them.
///
/// # Errors
/// When the database does not answer.
pub async fn ahead_of_the_clock(db: &Db) -> Result<i64, SqlError> {
    crate::looking::ahead::count(db).await
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

#[cfg(test)]
mod tests {
    use super::latest;
    use persistence::execute;
    use persistence::testing::TestDb;

    /// Finished messages, of which one in 1,000 has failed and another one was rejected.
    const FINISHED: (&str, &str) = (
        "insert into ledger_messages (id, root, context, lane, name, subject, principal, status) \
         select gen_random_uuid(), gen_random_uuid(), 'a', 'quick', 'a.b.v1', gen_random_uuid(), '', \
         case n % 1000 when 0 then 'failed' when 1 then 'rejected' else 'succeeded' end from generate_series(1, 20000) n",
        "with recursive numbers as (select 1 as n union all select n + 1 from numbers where n < 20000) \
         insert into ledger_messages (id, root, context, lane, name, subject, principal, status, accepted_at, \
         next_attempt_at, hinted_at) select randomblob(16), randomblob(16), 'a', 'quick', 'a.b.v1', randomblob(16), '', \
         case n % 1000 when 0 then 'failed' when 1 then 'rejected' else 'succeeded' end, 0, 0, 0 from numbers",
    );

    #[tokio::test]
    async fn the_latest_messages_and_those_that_did_not_succeed_are_listed_by_an_index() {
        for test in TestDb::each().await {
            test.db.migrate(&crate::MIGRATIONS).await.expect("a schema");
            let mut tx = test.db.begin().await.expect("a transaction");
            execute!(&mut tx, FINISHED).expect("rows");
            tx.commit().await.expect("committed");
            for status in [None, Some("failed"), Some("rejected")] {
                let mut read = test.db.read().await.expect("a connection");
                let plan = if test.db.is_shared() {
                    let select = ("explain select id from ledger_messages", "");
                    let lines: Vec<(String,)> = latest(select, status, 25).fetch_all(&mut read).await.expect("a plan");
                    lines.into_iter().map(|(line,)| line).collect::<Vec<_>>().join("\n")
                } else {
                    let select = ("", "explain query plan select id from ledger_messages");
                    let steps: Vec<(i64, i64, i64, String)> =
                        latest(select, status, 25).fetch_all(&mut read).await.expect("a plan");
                    steps.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("\n")
                };
                assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{status:?}: {plan}");
                let index = status.map_or("ledger_latest".to_owned(), |status| format!("ledger_{status}"));
                let is_in_order = plan.contains(&index) || (status.is_none() && !test.db.is_shared());
                assert!(is_in_order, "{status:?}: {plan}");
            }
            test.end().await;
        }
    }
}
