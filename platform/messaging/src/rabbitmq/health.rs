//! The health of the connections to the broker, for `/health/ready`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Whether hints get through. The ledger accepts and executes commands in either state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerState {
    Connected,
    /// The problems, in words for an operator.
    Degraded(String),
}

/// What became of a hint or a delivery. Only tests count these.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "only tests see it"))]
pub enum HintEvent {
    /// The broker has confirmed the hint.
    Published,
    /// The hint was not published: too many waited, or the process was shutting down.
    Dropped,
    /// The broker returned the hint, because its queue did not exist.
    Returned,
    /// It is unknown whether the broker took the hint.
    Unconfirmed,
    /// A hint was received.
    Received,
    /// A delivery was acknowledged, and so removed from its queue.
    Acknowledged,
    /// A delivery was not a hint.
    Unreadable,
}

/// The present problems, by the connection or queue that has them.
#[derive(Default)]
pub(crate) struct BrokerHealth {
    #[cfg(feature = "testing")]
    pub(crate) counts: super::testing::HintCounts,
    problems: Mutex<BTreeMap<String, String>>,
}

impl BrokerHealth {
    /// Counts an event for tests. Without the feature `testing` it does nothing.
    pub(crate) fn count(&self, event: HintEvent) {
        #[cfg(feature = "testing")]
        self.counts.add(event);
        #[cfg(not(feature = "testing"))]
        let _ = event;
    }

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
