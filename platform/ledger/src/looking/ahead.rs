//! Corrects times that lie further in the future than the ledger ever writes them. The database's clock was ahead
//! when they were written, and has been corrected since. A delayed message becomes due now, and a retention period
//! starts now.
//!
//! The bounds: a retry is due within 5 minutes and a next step within 30 ([`outcome`](crate::working::outcome)), a lease lasts 15 seconds
//! ([`claim`](crate::working::claim)), and the other times are never in the future. One minute of tolerance is added, because
//! transactions take time and clocks are adjusted.

use crate::{Hint, Ledger, Queue};
use kernel::MessageId;
use persistence::{Db, SqlError, execute, fetch_all, fetch_one, sql};
use uuid::Uuid;

/// Maximum rows in one statement.
const BATCH: i64 = 1_000;

/// The conditions that a time lies too far in the future.
const ACCEPTED_AHEAD: &str = "accepted_at > {now} + {1 min}";
const NEXT_ATTEMPT_AHEAD: &str = "next_attempt_at > {now} + {31 min}";
const FINISHED_AHEAD: &str = "finished_at > {now} + {1 min}";
pub(crate) const HINT_AHEAD: &str = "hinted_at > {now} + {1 min}";
pub(crate) const LEASE_AHEAD: &str = "lease_until > {now} + {75 s}";

const DUE: (&str, &str) = sql!(
    "update ledger_messages set next_attempt_at = {now} where id in ( \
       select id from ledger_messages where context = $1 and lane = $2 and status = 'accepted' and",
    NEXT_ATTEMPT_AHEAD,
    "limit $3 {for update skip locked}) returning id, name, traceparent"
);

const FINISHED: (&str, &str) = sql!(
    "update ledger_messages set finished_at = {now} where id in ( \
       select id from ledger_messages where finished_at is not null and",
    FINISHED_AHEAD,
    "limit $1 {for update skip locked})"
);

const COUNT: (&str, &str) = sql!(
    "select count(*) from ledger_messages where status in ('accepted', 'running') and (",
    ACCEPTED_AHEAD,
    "or",
    NEXT_ATTEMPT_AHEAD,
    "or",
    HINT_AHEAD,
    ") or status = 'running' and",
    LEASE_AHEAD,
    "or finished_at is not null and",
    FINISHED_AHEAD
);

/// Counts the rows with a time that lies too far in the future.
pub(crate) async fn count(db: &Db) -> Result<i64, SqlError> {
    let mut db = db.read().await?;
    Ok(fetch_one!(&mut db, (i64,), COUNT)?.0)
}

impl Ledger {
    /// Sets such times to now. The sweep expires leases that end too late ([`sweep`](crate::working::sweep)).
    pub(crate) async fn set_right(&self) -> Result<(), SqlError> {
        for queue in self.routes.queues() {
            self.set_right_in(&queue).await?;
        }
        loop {
            let mut tx = self.db.begin_low_priority().await?;
            let finished = execute!(&mut tx, FINISHED, BATCH)?;
            tx.commit().await?;
            if finished < BATCH.unsigned_abs() {
                return Ok(());
            }
        }
    }

    async fn set_right_in(&self, queue: &Queue) -> Result<(), SqlError> {
        let mut tx = self.db.begin_low_priority().await?;
        let row = (queue.context, queue.lane.as_str());
        let due = fetch_all!(&mut tx, (Uuid, String, Option<String>), DUE, row.0, row.1, BATCH)?;
        tx.commit().await?;
        let count = due.len();
        if let Some((id, name, traceparent)) = due.into_iter().next() {
            tracing::warn!(
                count,
                queue = queue.key(),
                "next attempts lay too far in the future: their messages are due now"
            );
            self.announce(queue, Hint { id: MessageId::new(id), name, traceparent });
        }
        Ok(())
    }
}
