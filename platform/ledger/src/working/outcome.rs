//! Writing the outcome of an attempt, guarded by the fencing token.

use crate::backoff::backoff;
use crate::working::claim::Claim;
use kernel::Timestamp;
use persistence::{SqlError, Tx, execute, fetch_optional, sql};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// Attempts before a message becomes a dead letter.
const MOST_ATTEMPTS: i64 = 12;
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// The longest pause that a handler may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// The error of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    /// When the attempt ended, by the worker's clock.
    pub at: Timestamp,
    /// A stable code: the domain's code for a rejection, otherwise one of the ledger's own.
    pub code: String,
    /// A sentence, for clients if the code is a domain's, otherwise for operators.
    pub message: String,
}

/// The outcome of an attempt that did not succeed.
#[derive(Debug)]
pub(crate) enum AttemptOutcome {
    /// The domain rejected the command.
    Rejected(AttemptError),
    /// A worker will retry the message.
    Later(AttemptError),
    /// The message is a dead letter, which an operator retries or discards.
    Failed(AttemptError),
}

impl AttemptError {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { at: Timestamp::now(), code: code.to_owned(), message: message.into() }
    }
}

/// The next row about the same subject, which this row held back.
#[derive(Debug, Deserialize)]
pub(crate) struct NextInOrder {
    pub(crate) id: Uuid,
    pub(crate) lane: String,
    pub(crate) name: String,
    pub(crate) traceparent: Option<String>,
}

/// `None` when the claim has lost its lease. Otherwise the row that it held back, if there is one.
pub(crate) type EndedRow = Option<Option<NextInOrder>>;

/// Checks the fencing token, locks the row and writes the outcome, in one statement. It returns no row when another
/// worker has claimed the row since.
///
/// On PostgreSQL the statement also takes a lock on the subject. Two claims may each hold a row of one subject when
/// the earlier row was committed between them. The lock then makes their transactions run one after the other. The
/// condition on the later row's status appears twice, once in the words of the index `ledger_order`. SQLite does not
/// infer that one condition implies the other, and would scan all waiting rows of the context.
const FINISH: (&str, &str) = sql!(
    postgres: "update ledger_messages m set status = $3, errors = $4, payload = case when $3 = 'failed' then payload end, deaths = 0, \
       attempts = attempts + case when $3 = 'succeeded' then 0 else 1 end, \
       lease_owner = null, lease_until = null, finished_at = {clock} \
     where id = $1 and lease_epoch = $2 and status = 'running' \
     returning (select json_build_object('id', id, 'lane', lane, 'name', name, 'traceparent', traceparent)::text \
       from ledger_messages later where later.context = m.context and later.subject = m.subject and later.sequence > m.sequence \
       and later.status in ('accepted', 'running') and later.status = 'accepted' order by later.sequence limit 1), \
       pg_advisory_xact_lock(hashtextextended(context || subject::text, 0))::text";
    sqlite: "update ledger_messages set status = $3, errors = $4, payload = case when $3 = 'failed' then payload end, deaths = 0, \
       attempts = attempts + case when $3 = 'succeeded' then 0 else 1 end, \
       lease_owner = null, lease_until = null, finished_at = {clock} \
     where id = $1 and lease_epoch = $2 and status = 'running' \
     returning (select json_object('id', lower(hex(id)), 'lane', lane, 'name', name, 'traceparent', traceparent) \
       from ledger_messages later where later.context = ledger_messages.context and later.subject = ledger_messages.subject \
       and later.sequence > ledger_messages.sequence and later.status in ('accepted', 'running') \
       and later.status = 'accepted' order by later.sequence limit 1), null"
);

const LATER: (&str, &str) = sql!(
    "update ledger_messages set status = 'accepted', errors = $3, attempts = attempts + 1, deaths = 0, lease_owner = null, \
       lease_until = null, next_attempt_at = {clock} + {$4 us} \
     where id = $1 and lease_epoch = $2 and status = 'running' returning cast(null as text)"
);

/// Makes a row due again that [`FINISH`] has marked in the same transaction. The attempts begin anew: a step was done.
const CONTINUE: (&str, &str) = sql!(
    "update ledger_messages set status = 'accepted', payload = $2, errors = null, attempts = 0, finished_at = null, \
       next_attempt_at = {clock} + {$3 us} where id = $1"
);

impl Claim {
    /// Makes the row due again after a pause. Call it after [`succeed`](Self::succeed) and the handler, in the same
    /// transaction.
    pub(crate) async fn continue_after(&self, tx: &mut Tx, pause: Duration) -> Result<(), SqlError> {
        let pause = i64::try_from(pause.min(LONGEST_PAUSE).as_micros()).unwrap_or(i64::MAX);
        execute!(tx, CONTINUE, self.origin.id.as_uuid(), &self.payload, pause).map(drop)
    }

    /// Marks the row as succeeded. The handler runs afterwards in the same transaction, so a rollback undoes the
    /// mark. Returns `None` when the lease was lost.
    pub(crate) async fn succeed(&self, tx: &mut Tx) -> Result<EndedRow, SqlError> {
        self.finish(tx, "succeeded", self.errors.as_deref()).await
    }

    /// Writes an outcome other than success. Returns `None` when the lease was lost.
    pub(crate) async fn end(&self, tx: &mut Tx, ending: &AttemptOutcome) -> Result<EndedRow, SqlError> {
        match ending {
            AttemptOutcome::Rejected(error) => self.finish(tx, "rejected", self.with(error).as_deref()).await,
            AttemptOutcome::Failed(error) => self.finish(tx, "failed", self.with(error).as_deref()).await,
            AttemptOutcome::Later(error) => {
                let pause = i64::try_from(self.backoff().as_micros()).unwrap_or(i64::MAX);
                let (id, errors) = (self.origin.id.as_uuid(), self.with(error));
                let row = fetch_optional!(tx, (Option<String>,), LATER, id, self.epoch, errors, pause)?;
                Ok(row.map(|_| None))
            }
        }
    }

    async fn finish(&self, tx: &mut Tx, status: &str, errors: Option<&str>) -> Result<EndedRow, SqlError> {
        let id = self.origin.id.as_uuid();
        let row = fetch_optional!(tx, (Option<String>, Option<String>), FINISH, id, self.epoch, status, errors)?;
        Ok(row.map(|(later, _)| later.and_then(|json| serde_json::from_str(&json).ok())))
    }

    /// The errors of all attempts as JSON, this one last.
    fn with(&self, error: &AttemptError) -> Option<String> {
        let mut errors = attempt_errors(self.errors.as_deref());
        errors.push(error.clone());
        serde_json::to_string(&errors).ok()
    }

    /// Whether an error of this attempt makes the message a dead letter.
    pub(crate) const fn is_last_attempt(&self) -> bool {
        self.attempts + 1 >= MOST_ATTEMPTS
    }

    /// The pause before the next attempt.
    fn backoff(&self) -> Duration {
        backoff(FIRST_BACKOFF, LONGEST_BACKOFF, u32::try_from(self.attempts).unwrap_or_default())
    }
}

/// Reads the errors that a row stores.
pub(crate) fn attempt_errors(json: Option<&str>) -> Vec<AttemptError> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{FIRST_BACKOFF, LONGEST_BACKOFF};
    use crate::{Claim, Queue};
    use kernel::{MessageId, Timestamp};
    use use_case::{Lane, MessageMeta};

    fn tried(attempts: i64) -> Claim {
        let id = MessageId::random();
        Claim {
            origin: MessageMeta { id, root: id, accepted_at: Timestamp::now() },
            queue: Queue { context: "shop", lane: Lane::Fast },
            name: String::new(),
            payload: String::new(),
            principal: String::new(),
            traceparent: None,
            epoch: 1,
            attempts,
            deaths: 1,
            errors: None,
            awaited: true,
        }
    }

    #[test]
    fn pauses_grow_with_the_attempts_and_stay_below_five_minutes() {
        for (attempts, bound) in [(0, FIRST_BACKOFF), (3, FIRST_BACKOFF * 8), (40, LONGEST_BACKOFF)] {
            let longest = (0..200).map(|_| tried(attempts).backoff()).max();
            assert!(longest.is_some_and(|it| it <= bound && it > bound / 2), "after {attempts} attempts: {longest:?}");
        }
    }

    #[test]
    fn the_twelfth_attempt_is_the_last() {
        assert!(!tried(10).is_last_attempt());
        assert!(tried(11).is_last_attempt());
    }
}
