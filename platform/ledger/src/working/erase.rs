//! Erasing a subject: its messages lose their content, and SQLite's log its old pages.

use crate::Ledger;
use crate::working::outcome::AttemptError;
use kernel::MessageId;
use persistence::{SqlError, Tx, execute, sql};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// Discards the messages about a subject that wait in a context and were accepted before the command `$4`. Later ones stay:
/// they are handled, and find no subject. The condition on the status appears twice, once in the words of the index
/// `ledger_order`.
const WAITING: (&str, &str) = sql!(
    "update ledger_messages set status = 'failed', payload = null, fingerprint = null, errors = $2, finished_at = {clock} \
     where context = $3 and subject = $1 and sequence < (select sequence from ledger_messages where id = $4) \
       and status in ('accepted', 'running') and status = 'accepted'"
);

/// Discards the messages about a subject that have failed.
const FAILED: &str = "update ledger_messages set payload = null, fingerprint = null, errors = $2 \
     where subject = $1 and status = 'failed' and payload is not null";

impl Ledger {
    /// Discards the messages about a subject that a worker may still try, and that are not later than the command. Their
    /// errors go, too: they may quote the content.
    pub(crate) async fn erase_subject(&self, tx: &mut Tx, command: MessageId, subject: Uuid) -> Result<(), SqlError> {
        let discarded = [AttemptError::new("discarded", "the subject of the message has been erased")];
        let errors = serde_json::to_string(&discarded).unwrap_or_default();
        let contexts: BTreeSet<_> = self.routes.queues().into_iter().map(|queue| queue.context).collect();
        for context in contexts {
            execute!(tx, WAITING, subject, &errors, context, command.as_uuid())?;
        }
        execute!(tx, FAILED, subject, &errors)?;
        Ok(())
    }

    /// Removes the old pages from SQLite's log. If that is not possible now, the sweep tries again.
    pub(crate) async fn erase_log(&self) {
        let done = self.db.erase_log().await;
        if let Err(error) = &done {
            tracing::warn!(%error, "the log of the database could not be emptied: trying again");
        }
        self.log_holds_erased.store(!matches!(done, Ok(true)), Ordering::Relaxed);
    }

    /// Tries again what [`erase_log`](Self::erase_log) could not do.
    pub(crate) async fn erase_log_again(&self) {
        if self.log_holds_erased.load(Ordering::Relaxed) {
            self.erase_log().await;
        }
    }
}
