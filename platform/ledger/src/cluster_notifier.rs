//! Across the processes on one PostgreSQL: whose commands have moved, and where work waits.
//!
//! At most one `NOTIFY` per process and 10 ms, and with it one hint per queue, after the commits; never in a business
//! transaction, where it would take a lock on the whole database. What is lost is found by looking.

use crate::{Hint, Ledger, Queue};
use kernel::MessageId;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

const CHANNEL: &str = "roster";
const COALESCE: Duration = Duration::from_millis(10);
/// As many as fit into the 8,000 bytes of a payload, with room for the queues.
const ROOTS: usize = 150;
/// Before listening again after the connection was lost, and for telling the others.
const PAUSE: Duration = Duration::from_secs(1);
/// News that may wait to be told; what comes on top is dropped.
const LINE: usize = 4096;

/// Tells the other processes. Where there are none it does nothing.
#[derive(Clone)]
pub(crate) struct ClusterNotifier(Option<mpsc::Sender<ClusterNews>>);

pub(crate) enum ClusterNews {
    Accepted,
    Root(MessageId),
    Queue(Queue, Hint),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Told {
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
            // Full: it is found by looking.
            let _ = line.try_send(news);
        }
    }
}

impl Ledger {
    /// Hands out a hint, here and to the other processes. Where those are, it shares its way with what came before.
    pub(crate) fn announce(&self, queue: &Queue, hint: Hint) {
        match self.cluster {
            ClusterNotifier(None) => self.announce.announce(queue, vec![hint]),
            ClusterNotifier(Some(_)) => self.cluster.tell(ClusterNews::Queue(queue.clone(), hint)),
        }
    }

    /// Tells what this process did, until nobody can tell any more.
    pub(crate) async fn send_notifications(self, mut news: mpsc::Receiver<ClusterNews>) {
        let mut batch = Vec::new();
        while news.recv_many(&mut batch, ROOTS).await > 0 {
            let mut told = Told { from: self.node, ..Told::default() };
            for news in batch.drain(..) {
                match news {
                    ClusterNews::Accepted => told.accepted = true,
                    ClusterNews::Root(root) => told.roots.push(root),
                    ClusterNews::Queue(queue, hint) => {
                        let key = (queue.context.to_owned(), queue.lane.as_str().to_owned());
                        if !told.queues.contains(&key) {
                            self.announce.announce(&queue, vec![hint]);
                            told.queues.push(key);
                        }
                    }
                }
            }
            told.roots.sort_unstable();
            told.roots.dedup();
            if let Ok(told) = serde_json::to_string(&told) {
                // The database being away is told by those who need it, and hints must not wait for it for long.
                let _ = timeout(PAUSE, self.db.notify(CHANNEL, &told)).await;
            }
            tokio::time::sleep(COALESCE).await;
        }
    }

    /// Hears what the others did.
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
        let Ok(Some(mut said)) = self.db.listen(CHANNEL).await else { return };
        // Something may have been missed before, and whenever the connection was lost.
        self.waiters.wake_all();
        while let Ok(said) = said.next().await {
            match said {
                Some(said) => self.handle_notification(&said),
                None => self.waiters.wake_all(),
            }
        }
    }

    fn handle_notification(&self, said: &str) {
        let Ok(told) = serde_json::from_str::<Told>(said) else { return };
        if told.from == self.node {
            return;
        }
        if told.accepted {
            self.accept_pressure.record();
        }
        for root in told.roots {
            self.waiters.wake(root);
        }
        for (context, lane) in told.queues {
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
    async fn what_another_process_accepts_is_a_rush_here_and_what_it_has_done_is_none() {
        let test_db = TestDb::sqlite().await;
        let node = Node::start(NodeConfig {
            db: test_db.db.clone(),
            contexts: Vec::new(),
            announce: Arc::new(Deaf),
            hints_get_lost: false,
            max_delay: Duration::MAX,
        });
        let ledger = node.ledger();
        let other = "0190d729-f972-4f9a-a2f3-1bf8e16f0034";
        ledger.handle_notification(&format!(r#"{{"from":"{other}","roots":["{other}"],"queues":[]}}"#));
        assert!(!ledger.accept_pressure.is_on());
        ledger.handle_notification(&format!(r#"{{"from":"{}","accepted":true}}"#, ledger.node));
        assert!(!ledger.accept_pressure.is_on(), "its own news come back to it");
        ledger.handle_notification(&format!(r#"{{"from":"{other}","accepted":true}}"#));
        assert!(ledger.accept_pressure.is_on());
    }
}
