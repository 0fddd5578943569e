//! A hint tells a worker *when* to look, never *what* to do. Hints may be lost, duplicated, delayed or reordered,
//! which only changes how soon a worker looks.

use kernel::MessageId;
use serde::{Deserialize, Serialize};
use use_case::{Lane, async_trait};

/// A queue: a context and one of its lanes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Queue {
    pub context: &'static str,
    pub lane: Lane,
}

/// A message that a row of the ledger is due. It contains nothing confidential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    pub id: MessageId,
    /// The message's wire name.
    pub name: String,
    /// The trace that the message belongs to (W3C Trace Context, `traceparent`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traceparent: Option<String>,
}

/// Sends hints to workers.
pub trait HintSender: Send + Sync {
    /// Sends hints for a queue. MUST NOT block and MUST NOT fail: a hint that cannot be sent now is dropped, and
    /// workers find the row by polling. An empty list means that another process has sent hints. It wakes the workers
    /// of this process, and the broker gets nothing.
    fn announce(&self, queue: &Queue, hints: Vec<Hint>);
}

/// Receives the wake-ups for one queue.
#[async_trait]
pub trait HintReceiver: Send {
    /// Waits for the next wake-up, for ever if none comes. MUST be cancel-safe: a wake-up that was not returned is
    /// not lost. The adapter itself handles the errors of its broker.
    async fn next(&mut self) -> WakeUp;
}

/// A reason to look for due rows. Dropping it acknowledges the hint to the broker.
#[derive(Default)]
pub struct WakeUp {
    /// The row that the hint named, if any.
    pub id: Option<MessageId>,
    used: Option<Box<dyn FnOnce() + Send>>,
}

impl WakeUp {
    /// A wake-up that names a row. `used` runs when the wake-up is dropped.
    pub fn for_row(id: MessageId, used: impl FnOnce() + Send + 'static) -> Self {
        Self { id: Some(id), used: Some(Box::new(used)) }
    }
}

impl Drop for WakeUp {
    fn drop(&mut self) {
        if let Some(used) = self.used.take() {
            used();
        }
    }
}
