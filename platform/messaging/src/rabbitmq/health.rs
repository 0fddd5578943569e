//! What `/health/ready` and `/metrics` ask for.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Whether hints go through. Accepting and working go on in either state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerState {
    /// All is well.
    Connected,
    /// What is not, in words for an operator.
    Degraded(String),
}

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Hints that the broker has taken.
    pub published: AtomicU64,
    /// Hints that were not published: too many waited, or Roster was shutting down.
    pub dropped: AtomicU64,
    /// Hints that the broker gave back: their queue was not there.
    pub returned: AtomicU64,
    /// Hints of which nobody knows whether the broker took them.
    pub unconfirmed: AtomicU64,
    /// Deliveries that were heard.
    pub heard: AtomicU64,
    /// Deliveries that were used up and taken off their queue.
    pub acknowledged: AtomicU64,
    /// Deliveries that were no hints.
    pub unreadable: AtomicU64,
    /// Whether the broker refuses to take anything now, for want of memory or disk.
    pub blocked: AtomicBool,
}

impl Stats {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is wrong now, by whatever it is wrong with.
#[derive(Default)]
pub(crate) struct BrokerHealth {
    pub(crate) stats: Stats,
    troubles: Mutex<BTreeMap<String, String>>,
}

impl BrokerHealth {
    /// True when this is news: many tasks meet one trouble, and it is logged once.
    pub(crate) fn worsen(&self, what: &str, trouble: &str) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.insert(what.to_owned(), trouble.to_owned()).as_deref() != Some(trouble)
    }

    pub(crate) fn heal(&self, what: &str) {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    pub(crate) fn state(&self) -> BrokerState {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.is_empty() {
            return BrokerState::Connected;
        }
        let all: Vec<_> = troubles.iter().map(|(what, trouble)| format!("{what}: {trouble}")).collect();
        BrokerState::Degraded(all.join("; "))
    }
}
