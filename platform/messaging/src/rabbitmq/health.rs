//! The health of the connections to the broker, for `/health/ready`, and counters.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Whether hints get through. The ledger accepts and executes commands in either state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerState {
    Connected,
    /// The problems, in words for an operator.
    Degraded(String),
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Hints that the broker has confirmed.
    pub published: AtomicU64,
    /// Hints that were not published: too many waited, or the process was shutting down.
    pub dropped: AtomicU64,
    /// Hints that the broker returned, because their queue did not exist.
    pub returned: AtomicU64,
    /// Hints of which it is unknown whether the broker took them.
    pub unconfirmed: AtomicU64,
    /// Hints that were received.
    pub heard: AtomicU64,
    /// Deliveries that were acknowledged, and so removed from their queue.
    pub acknowledged: AtomicU64,
    /// Deliveries that were not hints.
    pub unreadable: AtomicU64,
    /// Whether the broker blocks publishing now, because its memory or disk is short.
    pub blocked: AtomicBool,
}

impl Stats {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The present problems, by the connection or queue that has them.
#[derive(Default)]
pub(crate) struct BrokerHealth {
    pub(crate) stats: Stats,
    problems: Mutex<BTreeMap<String, String>>,
}

impl BrokerHealth {
    /// Records a problem. Returns true when it is new, so that many tasks with one problem log it once.
    pub(crate) fn worsen(&self, what: &str, problem: &str) -> bool {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.insert(what.to_owned(), problem.to_owned()).as_deref() != Some(problem)
    }

    pub(crate) fn heal(&self, what: &str) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    pub(crate) fn state(&self) -> BrokerState {
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.is_empty() {
            return BrokerState::Connected;
        }
        let all: Vec<_> = problems.iter().map(|(what, problem)| format!("{what}: {problem}")).collect();
        BrokerState::Degraded(all.join("; "))
    }
}
