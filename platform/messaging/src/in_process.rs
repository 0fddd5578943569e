//! Hints within one process: announcing a hint wakes the worker.

use async_trait::async_trait;
use ledger::{Hint, HintReceiver, HintSender, Queue, WakeUp};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// Hints within one process. Several hints that come before a worker looks become one wake-up.
#[derive(Clone, Default)]
pub struct InProcess {
    bells: Arc<Mutex<HashMap<Queue, Arc<Notify>>>>,
}

impl InProcess {
    /// A receiver for one queue. A hint that was announced earlier is not lost.
    #[must_use]
    pub fn listen(&self, queue: &Queue) -> impl HintReceiver + use<> {
        LocalReceiver(self.bell(queue))
    }

    fn bell(&self, queue: &Queue) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(queue.clone()).or_default().clone()
    }
}

impl HintSender for InProcess {
    fn announce(&self, queue: &Queue, _: Vec<Hint>) {
        // `Notify` keeps one permit when no worker waits, so that a hint between two looks is not lost.
        self.bell(queue).notify_one();
    }
}

struct LocalReceiver(Arc<Notify>);

#[async_trait]
impl HintReceiver for LocalReceiver {
    async fn next(&mut self) -> WakeUp {
        self.0.notified().await;
        WakeUp::default()
    }
}
