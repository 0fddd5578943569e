//! One process: announcing wakes the worker next door.

use async_trait::async_trait;
use ledger::{Announce, Hint, Listen, Nudge, Queue};
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
    pub fn listen(&self, queue: &Queue) -> impl Listen + use<> {
        Bell(self.bell(queue))
    }

    fn bell(&self, queue: &Queue) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(queue.clone()).or_default().clone()
    }
}

impl Announce for InProcess {
    fn announce(&self, queue: &Queue, _: Vec<Hint>) {
        // Keeps one permit when nobody waits, so that a nudge cannot fall between two looks.
        self.bell(queue).notify_one();
    }
}

struct Bell(Arc<Notify>);

#[async_trait]
impl Listen for Bell {
    async fn next(&mut self) -> Nudge {
        self.0.notified().await;
        Nudge::default()
    }
}
