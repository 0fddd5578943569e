//! One process: announcing wakes the worker next door.

use async_trait::async_trait;
use ledger::{Hint, HintReceiver, HintSender, Queue, WakeUp};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// Hints within one process. Many that come before anybody looks are one wake-up.
#[derive(Clone, Default)]
pub struct InProcess {
    bells: Arc<Mutex<HashMap<Queue, Arc<Notify>>>>,
}

impl InProcess {
    /// Where the worker of this queue hears. What was announced before is not lost.
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
        // Keeps one permit when nobody waits, so that a nudge cannot fall between two looks.
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
