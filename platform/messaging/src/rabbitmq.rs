//! Hints through RabbitMQ. If RabbitMQ loses everything, the ledger loses nothing.
//!
//! lapin's own recovery stays off: with it, a confirm under way hung for half a minute, and the reconnect came 14 s
//! after the broker was up. Here one supervisor owns each connection, and tasks take their channels from the current
//! one.

mod address;
mod backoff;
mod consumer;
mod health;
mod link;
mod publisher;
mod supervisor;
#[cfg(feature = "testing")]
mod testing;
mod topology;

pub use address::{Address, AddressError};
pub use health::BrokerState;
#[cfg(feature = "testing")]
pub use {health::HintEvent, testing::delete_queues};

use async_trait::async_trait;
use consumer::{Consumer, ListenerHandle};
use health::BrokerHealth;
use ledger::{Hint, HintReceiver, HintSender, Queue, WakeUp};
use publisher::{PublishJob, Publisher};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use supervisor::{ConnectionPlan, ConnectionPurpose, ConnectionWatch};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

/// Capacity of the queue of hints to publish. Further hints are dropped, because workers also poll.
const WAITING: usize = 4096;
/// How long a shutdown may take to publish waiting hints and to end the subscriptions.
const FLUSH: Duration = Duration::from_secs(2);

/// Hints through RabbitMQ. It announces to all queues of the topology, and consumes some of them.
pub struct RabbitMq {
    prefix: String,
    jobs: mpsc::Sender<PublishJob>,
    ears: HashMap<Queue, ListenerHandle>,
    links: Vec<ConnectionWatch>,
    health: Arc<BrokerHealth>,
    stop: watch::Sender<bool>,
    workers: Mutex<JoinSet<()>>,
    supervisors: Mutex<JoinSet<()>>,
}

impl RabbitMq {
    /// Starts connecting, and keeps trying for ever. A broker that cannot be reached is not an error. Must be called
    /// within a tokio runtime.
    ///
    /// `prefix` is the first part of every queue's name and of the connections' names: the application's name, except
    /// in tests that share a broker. `topology`
    /// lists all queues that may get hints. `consume` lists the queues to consume, each with the number of messages
    /// that are worked on at once. It is empty for an API.
    ///
    /// # Errors
    /// When `url` is not an AMQP URL.
    pub fn start(
        url: &str,
        prefix: &str,
        topology: &[Queue],
        consume: &[(Queue, usize)],
    ) -> Result<Self, AddressError> {
        let address = Arc::new(url.parse::<Address>()?);
        let health = Arc::new(BrokerHealth::default());
        let (stop, stopped) = watch::channel(false);
        let (mut workers, mut supervisors) = (JoinSet::new(), JoinSet::new());
        let mut supervise = |role, queues| {
            let plan = ConnectionPlan { application: prefix.to_owned(), role, queues };
            supervisor::start(plan, address.clone(), health.clone(), &mut supervisors)
        };

        let queues: Vec<_> = topology.iter().map(|queue| topology::name(prefix, queue)).collect();
        let publishing = supervise(ConnectionPurpose::Publishing, queues.clone());
        let mut links = vec![publishing.clone()];
        let (jobs, waiting) = mpsc::channel(WAITING);
        workers.spawn(Publisher::new(waiting, publishing, queues, health.clone(), stopped.clone()).run());

        let mut ears = HashMap::new();
        if !consume.is_empty() {
            let consuming = supervise(ConnectionPurpose::Consuming, Vec::new());
            links.push(consuming.clone());
            for (queue, slots) in consume {
                let name = topology::name(prefix, queue);
                let (consumer, ear) = Consumer::new(name, *slots, consuming.clone(), health.clone(), stopped.clone());
                workers.spawn(consumer.run());
                ears.insert(queue.clone(), ear);
            }
        }
        let (workers, supervisors) = (Mutex::new(workers), Mutex::new(supervisors));
        Ok(Self { prefix: prefix.to_owned(), jobs, ears, links, health, stop, workers, supervisors })
    }

    /// A receiver for one queue. Several receivers of one queue share its hints. For a queue that is not consumed
    /// here, it receives nothing.
    #[must_use]
    pub fn listen(&self, queue: &Queue) -> impl HintReceiver + use<> {
        Listener(self.ears.get(queue).cloned())
    }

    /// Whether hints get through.
    #[must_use]
    pub fn state(&self) -> BrokerState {
        self.health.state()
    }

    /// Publishes waiting hints for at most two seconds, acknowledges used ones, ends the subscriptions and closes the
    /// connections. Hints announced afterwards are dropped.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut workers = take_tasks(&self.workers);
        // The sweep handles hints that are not published by then.
        let _ = timeout(FLUSH, async { while workers.join_next().await.is_some() {} }).await;
        drop(workers);
        drop(take_tasks(&self.supervisors));
        for links in &self.links {
            let link = links.borrow().clone();
            if let Some(link) = link {
                link.close().await;
            }
        }
    }
}

fn take_tasks(tasks: &Mutex<JoinSet<()>>) -> JoinSet<()> {
    std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner))
}

impl HintSender for RabbitMq {
    fn announce(&self, queue: &Queue, hints: Vec<Hint>) {
        if hints.is_empty()
            && let Some(ear) = self.ears.get(queue)
        {
            return ear.wake();
        }
        let name: Arc<str> = topology::name(&self.prefix, queue).into();
        for hint in hints {
            if *self.stop.borrow() || self.jobs.try_send(PublishJob { queue: name.clone(), hint }).is_err() {
                self.health.count(health::HintEvent::Dropped);
            }
        }
    }
}

struct Listener(Option<ListenerHandle>);

#[async_trait]
impl HintReceiver for Listener {
    async fn next(&mut self) -> WakeUp {
        match &self.0 {
            Some(ear) => ear.next().await,
            None => std::future::pending().await,
        }
    }
}
