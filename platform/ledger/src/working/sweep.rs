//! The sweep, which every node runs periodically. It expires leases, repeats lost hints, wakes waiters whose wake-up
//! was lost, corrects times that lie in the future, and deletes expired commands.

use crate::looking::ahead::{HINT_AHEAD, LEASE_AHEAD};
use crate::{Hint, Ledger};
use kernel::MessageId;
use persistence::{SqlError, UuidList, execute, fetch_all, sql};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

const EVERY: Duration = Duration::from_secs(1);
const WAITERS_EVERY: Duration = Duration::from_millis(250);
const RETENTION_EVERY: Duration = Duration::from_secs(60);
/// For how many days clients can ask for the outcome of a command.
pub const RETENTION_DAYS: i64 = 30;

/// Makes messages due again whose lease has ended. If a process crashed while a message ran alone, the message waits
/// 10 s after the first such crash and 20 s after the second, in case something else kills the process.
const REQUEUE: &str = "update ledger_messages set status = 'accepted', lease_owner = null, lease_until = null, \
     next_attempt_at = case when deaths < 3 then next_attempt_at else {now} + {10 s} * (deaths - 2) end";

/// Only a running row has a lease. The condition names the lease and not the status, so that PostgreSQL cannot take
/// the index of all unfinished rows, which it did while its statistics were old (27 s with a million waiting rows).
const EXPIRED: (&str, &str) = sql!(
    postgres: REQUEUE,
    "where id in (select id from ledger_messages where lease_until is not null and (lease_until < {now} or",
    LEASE_AHEAD,
    ") limit 1000 {for update skip locked}) returning context, lane, id, name, traceparent";
    sqlite: REQUEUE,
    "where lease_until is not null and (lease_until < {now} or",
    LEASE_AHEAD,
    ") returning context, lane, id, name, traceparent"
);

const UNHINTED: (&str, &str) = sql!(
    "update ledger_messages set hinted_at = {now} where id in ( \
       select id from ledger_messages where context = $1 and lane = $2 and status = 'accepted' and next_attempt_at <= {now} \
       and (hinted_at < {now} - {5 s} or",
    HINT_AHEAD,
    ") order by next_attempt_at, sequence limit 100 {for update skip locked}) returning id, name, traceparent"
);

/// Selects those of the roots for which no awaited row is unfinished.
const SETTLED: (&str, &str) = sql!(
    "select m.id from ledger_messages m where m.id {in $1} and m.status not in ('accepted', 'running') and not exists ( \
       select 1 from ledger_messages f where f.root = m.id and f.root <> f.id and f.awaited and f.status in ('accepted', 'running'))"
);

/// Selects the roots whose last row finished before the retention time. A root is skipped while one of its rows is
/// unfinished, or failed and waits for an operator. A discarded row has no payload.
const EXPIRED_ROOTS: (&str, &str) = sql!(
    "select id from ledger_messages m where finished_at < {now} - {$1 d} and root = id \
       and status in ('succeeded', 'rejected', 'failed') and not (status = 'failed' and payload is not null) \
       and not exists (select 1 from ledger_messages f where f.root = m.id and f.root <> f.id \
         and (f.status in ('accepted', 'running') or f.status = 'failed' and f.payload is not null \
           or f.finished_at >= {now} - {$1 d})) \
     order by finished_at limit 500 {for update skip locked}"
);
const FOLLOW_UPS_OF_ROOTS: (&str, &str) = sql!("delete from ledger_messages where root <> id and root {in $1}");
const ROOTS: (&str, &str) = sql!("delete from ledger_messages where id {in $1}");

impl Ledger {
    /// Sweeps until the node stops. With `hints_get_lost`, it repeats the hints of messages that stay due.
    pub(crate) async fn sweep(self, hints_get_lost: bool) {
        let tick = |every| {
            let mut tick = interval(every);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            tick
        };
        let (mut leases, mut retention) = (tick(EVERY), tick(RETENTION_EVERY));
        // Only one process serves an SQLite file. There, only the command line can finish a command without a
        // wake-up.
        let mut waiters = tick(if self.db.is_shared() { WAITERS_EVERY } else { EVERY });
        let mut well = true;
        loop {
            let done = tokio::select! {
                () = self.stopping() => return,
                _ = waiters.tick() => self.wake_settled().await,
                _ = leases.tick() => self.requeue_expired(hints_get_lost).await,
                _ = retention.tick() => self.purge_expired().await,
            };
            match &done {
                Err(error) if well => tracing::warn!(%error, "the ledger cannot be swept: trying again"),
                _ => {}
            }
            well = done.is_ok();
        }
    }

    async fn requeue_expired(&self, hints_get_lost: bool) -> Result<(), SqlError> {
        self.expire_leases().await?;
        self.set_right().await?;
        self.erase_log_again().await;
        if hints_get_lost {
            for queue in self.routes.queues() {
                let mut tx = self.db.begin_low_priority().await?;
                let rows =
                    fetch_all!(&mut tx, (Uuid, String, Option<String>), UNHINTED, queue.context, queue.lane.as_str())?;
                tx.commit().await?;
                let hint = |(id, name, traceparent)| Hint { id: MessageId::new(id), name, traceparent };
                self.announce.announce(&queue, rows.into_iter().map(hint).collect());
            }
        }
        Ok(())
    }

    pub(crate) async fn expire_leases(&self) -> Result<usize, SqlError> {
        let mut tx = self.db.begin_low_priority().await?;
        let expired = fetch_all!(&mut tx, (String, String, Uuid, String, Option<String>), EXPIRED)?;
        tx.commit().await?;
        let count = expired.len();
        if count > 0 {
            tracing::warn!(count, "leases expired: their messages are due again");
        }
        for (context, lane, id, name, traceparent) in expired {
            if let Some(queue) = self.routes.queue(&context, &lane) {
                self.announce(&queue, Hint { id: MessageId::new(id), name, traceparent });
            }
        }
        Ok(count)
    }

    /// Makes all running rows due again. The only process that serves a database file calls this at its start: the
    /// process that ran them is gone.
    pub(crate) async fn recover(&self) -> Result<(), SqlError> {
        let mut tx = self.db.begin_low_priority().await?;
        let recovered = execute!(&mut tx, sql!(REQUEUE, "where status = 'running'"))?;
        tx.commit().await?;
        if recovered > 0 {
            tracing::info!(recovered, "messages that an earlier process had begun are due again");
        }
        Ok(())
    }

    async fn wake_settled(&self) -> Result<(), SqlError> {
        let waiting: Vec<_> = self.waiters.roots().into_iter().map(MessageId::as_uuid).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let mut db = self.db.read().await?;
        for (root,) in fetch_all!(&mut db, (Uuid,), SETTLED, UuidList(&waiting))? {
            self.waiters.wake(MessageId::new(root));
        }
        Ok(())
    }

    /// Deletes expired commands in batches, so that other transactions wait only briefly for the rows or, on SQLite,
    /// for the writer.
    async fn purge_expired(&self) -> Result<(), SqlError> {
        while !self.is_stopping() && self.forget_some().await? {}
        Ok(())
    }

    /// Deletes one batch of commands with all their rows. Returns whether there were any.
    async fn forget_some(&self) -> Result<bool, SqlError> {
        let mut tx = self.db.begin_low_priority().await?;
        let expired: Vec<_> =
            fetch_all!(&mut tx, (Uuid,), EXPIRED_ROOTS, RETENTION_DAYS)?.into_iter().map(|(id,)| id).collect();
        execute!(&mut tx, FOLLOW_UPS_OF_ROOTS, UuidList(&expired))?;
        execute!(&mut tx, ROOTS, UuidList(&expired))?;
        tx.commit().await?;
        Ok(!expired.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::EXPIRED;
    use persistence::testing::TestDb;
    use persistence::{execute, fetch_all};

    /// A thousand finished rows, which the statistics know, and many waiting rows, which they do not.
    const FINISHED: &str = "insert into ledger_messages (id, root, context, lane, name, subject, principal, status) \
         select gen_random_uuid(), gen_random_uuid(), 'a', 'quick', 'a.b.v1', gen_random_uuid(), '', 'succeeded' \
         from generate_series(1, 1000)";
    const WAITING: &str = "insert into ledger_messages (id, root, context, lane, name, subject, principal) \
         select gen_random_uuid(), gen_random_uuid(), 'a', 'quick', 'a.b.v1', gen_random_uuid(), '' \
         from generate_series(1, 20000)";

    #[tokio::test]
    async fn expired_leases_are_found_by_their_index_even_if_statistics_are_old() {
        let Some(test) = TestDb::postgres().await else { return };
        test.db.migrate(&crate::MIGRATIONS).await.expect("a schema");
        let mut tx = test.db.begin().await.expect("a transaction");
        let no_statistics = "alter table ledger_messages set (autovacuum_enabled = off)";
        for sql in [no_statistics, FINISHED, "analyze ledger_messages", WAITING] {
            execute!(&mut tx, sql).expect(sql);
        }
        let explain: &'static str = format!("explain {}", EXPIRED.0).leak();
        let plan = fetch_all!(&mut tx, (String,), explain).expect("a plan");
        let plan: Vec<_> = plan.into_iter().map(|(line,)| line).collect();
        assert!(plan.iter().any(|line| line.contains("ledger_leases")), "{plan:#?}");
        drop(tx);
        test.end().await;
    }
}
