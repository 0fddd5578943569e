//! Claiming: a worker takes a lease on due rows, oldest first.

use crate::Queue;
use kernel::MessageId;
use persistence::{Db, SqlError, SqlTimestamp, UuidList, execute, fetch_all, sql};
use use_case::MessageMeta;
use uuid::Uuid;

/// A row that this process works on while its lease lasts. The heartbeat renews the lease.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) origin: MessageMeta,
    pub(crate) queue: Queue,
    pub(crate) name: String,
    pub(crate) payload: String,
    pub(crate) principal: String,
    pub(crate) traceparent: Option<String>,
    /// The fencing token: each later claim of the row has a greater one.
    pub(crate) epoch: i64,
    /// Attempts that ended in an error.
    pub(crate) attempts: i64,
    /// Claims that never ended, because the process crashed, and this claim.
    pub(crate) deaths: i64,
    pub(crate) errors: Option<String>,
    /// Whether the outcome of the command depends on this row.
    pub(crate) awaited: bool,
}

/// A live row holds back later rows about the same subject in the same context. While it runs, it also holds back an
/// earlier row that was committed late.
/// The condition is a scalar subquery, one index lookup per row. PostgreSQL turns `not exists` into a join, and after
/// a burst that its statistics do not know, into a join over all waiting rows (28 s with a million rows).
/// The claim counts as a crash (`deaths`) until its attempt has ended, because a killed process cannot count.
const CLAIM: (&str, &str) = sql!(
    postgres: "with due as materialized ( \
       select id from ledger_messages m where context = $1 and lane = $2 and status = 'accepted' and next_attempt_at <= {now} \
       and name in (select json_array_elements_text($3::json)) \
       and (select 1 from ledger_messages other where other.context = m.context and other.subject = m.subject \
         and other.status in ('accepted', 'running') and (other.sequence < m.sequence or other.status = 'running') \
         and other.id <> m.id limit 1) is null \
       order by next_attempt_at, sequence limit $4 {for update skip locked}) \
     update ledger_messages m set status = 'running', deaths = deaths + 1, lease_epoch = lease_epoch + 1, lease_owner = $5, \
       lease_until = {now} + {15 s} from due where m.id = due.id \
     returning m.id, root, name, payload, principal, traceparent, lease_epoch, attempts, deaths, errors, accepted_at, awaited";
    sqlite: "update ledger_messages set status = 'running', deaths = deaths + 1, lease_epoch = lease_epoch + 1, lease_owner = $5, \
       lease_until = {now} + {15 s} \
     where id in ( \
       select id from ledger_messages m where context = $1 and lane = $2 and status = 'accepted' \
       and next_attempt_at <= {now} \
       and name in (select value from json_each($3)) \
       and (select 1 from ledger_messages other where other.context = m.context and other.subject = m.subject \
         and other.status in ('accepted', 'running') and (other.sequence < m.sequence or other.status = 'running') \
         and other.id <> m.id limit 1) is null \
       order by next_attempt_at, sequence limit $4) \
     returning id, root, name, payload, principal, traceparent, lease_epoch, attempts, deaths, errors, accepted_at, awaited"
);

type Row =
    (Uuid, Uuid, String, Option<String>, String, Option<String>, i64, i64, i64, Option<String>, SqlTimestamp, bool);

/// Claims up to `limit` rows of a queue, of the messages `names` (a JSON array). A row whose message has no handler
/// here stays for a node that has one.
pub(crate) async fn claim(
    db: &Db,
    queue: &Queue,
    names: &str,
    owner: Uuid,
    limit: usize,
) -> Result<Vec<Claim>, SqlError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut tx = db.begin_low_priority().await?;
    let rows = fetch_all!(&mut tx, Row, CLAIM, queue.context, queue.lane.as_str(), names, limit, owner)?;
    tx.commit().await?;
    let mut claims: Vec<_> = rows.into_iter().map(|row| Claim::restore(row, queue.clone())).collect();
    // RETURNING promises no order.
    claims.sort_by_key(|claim| claim.origin.accepted_at);
    Ok(claims)
}

impl Claim {
    fn restore(row: Row, queue: Queue) -> Self {
        let (id, root, name, payload, principal, traceparent, epoch, attempts, deaths, errors, accepted_at, awaited) =
            row;
        let origin = MessageMeta { id: MessageId::new(id), root: MessageId::new(root), accepted_at: accepted_at.0 };
        let payload = payload.unwrap_or_default();
        Self { origin, queue, name, payload, principal, traceparent, epoch, attempts, deaths, errors, awaited }
    }
}

/// Renews the leases of the rows that this process works on, in one statement.
pub(crate) async fn renew(db: &Db, owner: Uuid, ids: &[Uuid]) -> Result<u64, SqlError> {
    // A locked row is being finished. Waiting for it could deadlock.
    const RENEW: (&str, &str) = sql!(
        postgres: "update ledger_messages set lease_until = {now} + {15 s} where id in (select id from ledger_messages \
         where id = any($2) and lease_owner = $1 and status = 'running' {for update skip locked})";
        sqlite: "update ledger_messages set lease_until = {now} + {15 s} \
         where id in (select unhex(value) from json_each($2)) and lease_owner = $1 and status = 'running'"
    );
    let mut tx = db.begin_low_priority().await?;
    let renewed = execute!(&mut tx, RENEW, owner, UuidList(ids))?;
    tx.commit().await?;
    Ok(renewed)
}

/// Releases every lease of this process except one, and no longer counts those claims as crashes.
pub(crate) async fn release(db: &Db, owner: Uuid, but: Uuid) -> Result<u64, SqlError> {
    const RELEASE: &str = "update ledger_messages set status = 'accepted', deaths = deaths - 1, lease_owner = null, \
         lease_until = null where lease_owner = $1 and status = 'running' and id <> $2";
    let mut tx = db.begin_low_priority().await?;
    let released = execute!(&mut tx, RELEASE, owner, but)?;
    tx.commit().await?;
    Ok(released)
}
