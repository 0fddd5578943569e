//! A hint says *when*, never *what*: it may be lost, doubled, delayed or reordered, and nothing
//! changes but the time until somebody looks.

use kernel::MessageId;
use serde::{Deserialize, Serialize};
use use_case::{Lane, async_trait};

/// Where work waits: a context and one of its lanes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Queue {
    /// The context's name.
    pub context: &'static str,
    /// Its lane.
    pub lane: Lane,
}

/// That a row of the ledger is due. Thin: it can be shown to anyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The row.
    pub id: MessageId,
    /// The message's wire name.
    pub name: String,
    /// The trace that it belongs to (W3C Trace Context, `traceparent`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traceparent: Option<String>,
}

/// Hands out hints.
pub trait HintSender: Send + Sync {
    /// MUST NOT block and MUST NOT fail: what cannot be handed out now is dropped, and workers
    /// find the row by looking. An empty list says that another process has announced something:
    /// it wakes the workers of this one, and tells a broker nothing.
    fn announce(&self, queue: &Queue, hints: Vec<Hint>);
}

/// Where the worker of one queue hears that there is something to do.
#[async_trait]
pub trait HintReceiver: Send {
    /// The next nudge. MUST be cancel-safe: a nudge that was not returned is not lost. Pends for
    /// ever when there is none; trouble with a broker is the adapter's own affair.
    async fn next(&mut self) -> WakeUp;
}

/// A reason to look, perhaps at one row first. Dropping it tells the broker that the hint is used up.
#[derive(Default)]
pub struct WakeUp {
    /// The row that the hint named.
    pub id: Option<MessageId>,
    used: Option<Box<dyn FnOnce() + Send>>,
}

impl WakeUp {
    /// A nudge that names a row; `used` runs once it is used up.
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
