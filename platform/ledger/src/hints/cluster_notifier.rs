//! Notifications to the other processes on one PostgreSQL: which commands have progressed, and which queues have
//! work.
//!
//! Each process sends at most one `NOTIFY` per 10 ms, with one entry per queue, after its commits. In a business
//! transaction, `NOTIFY` would take a lock on the whole database. A lost notification costs only time, because
//! workers and waiting requests also poll.

use crate::{Hint, Ledger, Queue};
use kernel::MessageId;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

const COALESCE: Duration = Duration::from_millis(10);
/// Maximum roots in one notification. They fit into the 8,000 bytes of a payload, with room for the queues.
const ROOTS: usize = 150;
/// Pause before listening again after a lost connection, and timeout of one `NOTIFY`.
const PAUSE: Duration = Duration::from_secs(1);
/// Capacity of the queue of pending notifications. When it is full, further ones are dropped.
const LINE: usize = 4096;

/// Sends notifications to the other processes. On SQLite there are none, and it does nothing.
#[derive(Clone)]
pub(crate) struct ClusterNotifier(Option<mpsc::Sender<ClusterNews>>);

pub(crate) enum ClusterNews {
    Accepted,
    Root(MessageId),
    Queue(Queue, Hint),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Notification {
    from: Uuid,
    accepted: bool,
    roots: Vec<MessageId>,
    queues: Vec<(String, String)>,
}

impl ClusterNotifier {
    pub(crate) fn new(shared: bool) -> (Self, Option<mpsc::Receiver<ClusterNews>>) {
        if !shared {
            return (Self(None), None);
        }
        let (sender, receiver) = mpsc::channel(LINE);
        (Self(Some(sender)), Some(receiver))
    }

    pub(crate) fn accepted(&self) {
        self.tell(ClusterNews::Accepted);
    }

    pub(crate) fn root(&self, root: MessageId) {
        self.tell(ClusterNews::Root(root));
    }

    fn tell(&self, news: ClusterNews) {
        if let Some(line) = &self.0 {
            // When the queue is full, the other processes find the rows by polling.
            let _ = line.try_send(news);
        }
    }
}

impl Ledger {
    /// Sends a hint, here and to the other processes. On PostgreSQL the hint waits for the next notification, which
    /// combines the hints of one queue.
    pub(crate) fn announce(&self, queue: &Queue, hint: Hint) {
        match self.cluster {
            ClusterNotifier(None) => self.announce.announce(queue, vec![hint]),
            ClusterNotifier(Some(_)) => self.cluster.tell(ClusterNews::Queue(queue.clone(), hint)),
        }
    }

    /// Sends notifications about what this process did, until all senders are gone.
    pub(crate) async fn send_notifications(self, mut news: mpsc::Receiver<ClusterNews>) {
        let mut batch = Vec::new();
        while news.recv_many(&mut batch, ROOTS).await > 0 {
            let mut notification = Notification { from: self.node, ..Notification::default() };
            for news in batch.drain(..) {
                match news {
                    ClusterNews::Accepted => notification.accepted = true,
                    ClusterNews::Root(root) => notification.roots.push(root),
                    ClusterNews::Queue(queue, hint) => {
                        let key = (queue.context.to_owned(), queue.lane.as_str().to_owned());
                        if !notification.queues.contains(&key) {
                            self.announce.announce(&queue, vec![hint]);
                            notification.queues.push(key);
                        }
                    }
                }
            }
            notification.roots.sort_unstable();
            notification.roots.dedup();
            if let Ok(payload) = serde_json::to_string(&notification) {
                // Other callers report that the database does not answer. The timeout keeps hints from waiting for
                // it.
                let _ = timeout(PAUSE, self.db.notify(self.channel, &payload)).await;
            }
            tokio::time::sleep(COALESCE).await;
        }
    }

    /// Handles the notifications of other processes, until the node stops.
    pub(crate) async fn listen_for_notifications(self) {
        while !self.is_stopping() {
            tokio::select! {
                () = self.stopping() => return,
                () = self.hear() => {}
            }
            tokio::select! {
                () = self.stopping() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn hear(&self) {
        let Ok(Some(mut notifications)) = self.db.listen(self.channel).await else { return };
        // Notifications may have been missed before, and whenever the connection was lost.
        self.waiters.wake_all();
        while let Ok(payload) = notifications.next().await {
            match payload {
                Some(payload) => self.handle_notification(&payload),
                None => self.waiters.wake_all(),
            }
        }
    }

    fn handle_notification(&self, payload: &str) {
        let Ok(notification) = serde_json::from_str::<Notification>(payload) else { return };
        if notification.from == self.node {
            return;
        }
        if notification.accepted {
            self.accept_pressure.record();
        }
        for root in notification.roots {
            self.waiters.wake(root);
        }
        for (context, lane) in notification.queues {
            if let Some(queue) = self.routes.queue(&context, &lane) {
                self.announce.announce(&queue, Vec::new());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Hint, HintSender, Node, NodeConfig, Queue};
    use persistence::testing::TestDb;
    use std::sync::Arc;
    use std::time::Duration;

    struct Deaf;

    impl HintSender for Deaf {
        fn announce(&self, _: &Queue, _: Vec<Hint>) {}
    }

    #[tokio::test]
    async fn only_the_accepted_commands_of_another_process_cause_back_pressure() {
        let test_db = TestDb::sqlite().await;
        let node = Node::start(NodeConfig {
            db: test_db.db.clone(),
            contexts: Vec::new(),
            announce: Arc::new(Deaf),
            hints_get_lost: false,
            max_delay: Duration::MAX,
            channel: "ledger_tests",
        });
        let ledger = node.ledger();
        let other = "0190d729-f972-4f9a-a2f3-1bf8e16f0034";
        ledger.handle_notification(&format!(r#"{{"from":"{other}","roots":["{other}"],"queues":[]}}"#));
        assert!(!ledger.accept_pressure.is_on());
        ledger.handle_notification(&format!(r#"{{"from":"{}","accepted":true}}"#, ledger.node));
        assert!(!ledger.accept_pressure.is_on(), "a process ignores its own notifications");
        ledger.handle_notification(&format!(r#"{{"from":"{other}","accepted":true}}"#));
        assert!(ledger.accept_pressure.is_on());
    }
}
