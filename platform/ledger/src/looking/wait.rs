//! Waiting for a command to finish. Every commit wakes the waiters of its root, and each derives the status again.

use kernel::MessageId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The waiters, by root.
#[derive(Default)]
pub(crate) struct Waiters(Mutex<HashMap<MessageId, Arc<Notify>>>);

/// The registration of one waiter, which ends when it is dropped.
pub(crate) struct Waiter {
    root: MessageId,
    notify: Arc<Notify>,
    room: Arc<Waiters>,
}

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, HashMap<MessageId, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait_for(self: &Arc<Self>, root: MessageId) -> Waiter {
        let notify = Arc::clone(self.lock().entry(root).or_default());
        Waiter { root, notify, room: Arc::clone(self) }
    }

    pub(crate) fn wake(&self, root: MessageId) {
        if let Some(notify) = self.lock().get(&root) {
            notify.notify_waiters();
        }
    }

    pub(crate) fn wake_all(&self) {
        self.lock().values().for_each(|notify| notify.notify_waiters());
    }

    pub(crate) fn roots(&self) -> Vec<MessageId> {
        self.lock().keys().copied().collect()
    }
}

impl Waiter {
    /// Resolves at the next commit that concerns the root. Call this *before* reading the status, and await it
    /// afterwards. Then no commit in between is missed.
    pub(crate) fn next(&self) -> tokio::sync::futures::Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut room = self.room.lock();
        // Only this waiter and the map hold references, so no other waiter is left.
        if Arc::strong_count(&self.notify) <= 2 {
            room.remove(&self.root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Waiters;
    use kernel::MessageId;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_wake_between_asking_and_awaiting_is_not_missed() {
        let room = Arc::new(Waiters::default());
        let root = MessageId::random();
        let waiter = room.wait_for(root);
        let next = waiter.next();
        room.wake(root);
        next.await;
    }

    #[test]
    fn the_map_is_empty_when_all_waiters_are_gone() {
        let room = Arc::new(Waiters::default());
        let root = MessageId::random();
        let (first, second) = (room.wait_for(root), room.wait_for(root));
        drop(first);
        assert_eq!(room.roots(), [root]);
        drop(second);
        assert!(room.roots().is_empty());
    }
}
