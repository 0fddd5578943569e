//! The durable ledger of messages.
//!
//! Every message that a worker executes later is a row of one table. The row is committed before the client gets its
//! 202, or in the transaction of the change that caused the message. One row is the queue entry, the idempotency
//! record, the inbox that makes redelivery harmless, the retry schedule and the dead letter. Brokers and
//! notifications only carry hints, which tell a worker *when* to look ([`Hint`]).
//!
//! To follow a message: [`Ledger::accept`] (`accepting/accept.rs`), `working/claim.rs`, `working/work.rs`,
//! `working/outcome.rs`, [`Ledger::command`] (`looking/status.rs`).

mod accepting;
mod backoff;
mod hints;
mod looking;
mod row;
mod subscriptions;
mod working;

pub use accepting::accept::{AcceptError, Accepted, IdempotencyScope, NewCommand};
pub use backoff::backoff;
pub use hints::hint::{Hint, HintReceiver, HintSender, Queue, WakeUp};
pub use looking::dead_letters;
pub use looking::status::{Command, FollowUp, Status, Watch};
pub use subscriptions::{Subscription, missing_subscriptions, subscribe};
pub use working::consent::Consent;
pub use working::message_handlers::{Adapter, HandlerFuture, MessageHandlers, TransactionalHandler, handlers};
pub use working::outcome::AttemptError;
pub use working::post::post;
pub use working::sweep::RETENTION_DAYS;
pub use working::worker_pool::QueueConsumer;

#[doc(hidden)]
pub use persistence::Tx;

pub(crate) use row::NewRow;
pub(crate) use working::claim::Claim;

use persistence::{Db, Migrations, SqlError, migrations};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

/// The ledger's tables.
pub const MIGRATIONS: Migrations =
    migrations!("ledger": "0001_messages", "0002_awaited", "0003_leases", "0004_failed" in_both, "0005_lists");

/// Configuration of one node's ledger.
pub struct NodeConfig {
    pub db: Db,
    /// All contexts, including those whose queues other nodes consume.
    pub contexts: Vec<Arc<dyn MessageHandlers>>,
    pub announce: Arc<dyn HintSender>,
    /// Hints go through a broker, which may lose them. The sweep then repeats the hints of messages that stay due.
    pub hints_get_lost: bool,
    /// New commands whose estimated wait is longer are rejected.
    pub max_delay: Duration,
    /// The PostgreSQL channel on which the processes of this application notify each other.
    pub channel: &'static str,
}

/// A handle to the ledger of this process. Clones share one state.
#[derive(Clone)]
pub struct Ledger {
    db: Db,
    node: Uuid,
    routes: Arc<working::message_routing::MessageRouting>,
    commit_queue: accepting::accept::CommitQueue,
    announce: Arc<dyn HintSender>,
    cluster: hints::cluster_notifier::ClusterNotifier,
    accept_pressure: Arc<accepting::accept_pressure::AcceptPressure>,
    waiters: Arc<looking::wait::Waiters>,
    admission: Arc<accepting::admission::Admission>,
    max_delay: Duration,
    channel: &'static str,
    /// Whether SQLite's log still holds pages with data of an erased subject.
    log_holds_erased: Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
}

/// Lists every queue of these contexts.
#[must_use]
pub fn queues(contexts: &[Arc<dyn MessageHandlers>]) -> Vec<Queue> {
    working::message_routing::MessageRouting::new(contexts).queues()
}

/// The background tasks of a node. Dropping it stops them without waiting.
pub struct Node {
    ledger: Ledger,
    contexts: Vec<Arc<dyn MessageHandlers>>,
    stop: watch::Sender<bool>,
    committing: JoinSet<()>,
    working: JoinSet<()>,
}

impl Node {
    /// Starts accepting commands. [`Node::work`] starts the workers.
    #[must_use]
    pub fn start(config: NodeConfig) -> Self {
        let NodeConfig { db, contexts, announce, hints_get_lost, max_delay, channel } = config;
        let (commit_queue, waiting) = accepting::accept::commit_queue();
        let (cluster, news) = hints::cluster_notifier::ClusterNotifier::new(db.is_shared());
        let (stop, stopped) = watch::channel(false);
        let ledger = Ledger {
            node: Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)),
            routes: Arc::new(working::message_routing::MessageRouting::new(&contexts)),
            db,
            commit_queue,
            announce,
            cluster,
            accept_pressure: Arc::default(),
            waiters: Arc::default(),
            admission: Arc::default(),
            max_delay,
            channel,
            log_holds_erased: Arc::default(),
            stop: stopped,
        };
        let (mut committing, mut working) = (JoinSet::new(), JoinSet::new());
        committing.spawn(ledger.clone().commit_groups(waiting));
        if let Some(news) = news {
            committing.spawn(ledger.clone().send_notifications(news));
            working.spawn(ledger.clone().listen_for_notifications());
        }
        working.spawn(ledger.clone().sweep(hints_get_lost));
        working.spawn(ledger.clone().measure_load());
        Self { ledger, contexts, stop, committing, working }
    }

    /// A handle for the code that accepts commands and reads their status.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// Starts workers for these queues.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn work(&mut self, consumers: Vec<QueueConsumer>) -> Result<(), SqlError> {
        if self.ledger.db.is_served_here_alone() {
            self.ledger.recover().await?;
        }
        self.working.spawn(working::worker_pool::work(self.ledger.clone(), self.contexts.clone(), consumers));
        Ok(())
    }

    /// Begins to stop: workers claim nothing more, and waiting requests get the current status. The node still
    /// accepts commands from requests under way.
    pub fn begin_stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Stops the node: workers finish running messages (25 s at most) and release the other leases.
    pub async fn stop(mut self) {
        self.begin_stop();
        while self.working.join_next().await.is_some() {}
        // All requests have been answered, so the commit queue is empty.
        self.committing.shutdown().await;
    }
}

impl Ledger {
    /// Whether [`Node::begin_stop`] was called.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Resolves when the node begins to stop.
    pub async fn stopping(&self) {
        // An error means that the node was dropped, which is also a stop.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}
