//! The durable ledger of messages.
//!
//! Everything that must happen later is a row of one table, written in one durable commit before
//! anyone is told 202, or in the transaction of the change that caused it. The row is at once the
//! queue entry, the idempotency record, the inbox that makes redelivery harmless, the retry
//! schedule and the dead letter. Brokers and wake-ups only say *when* to look ([`Hint`]).
//!
//! To follow a message: [`Ledger::accept`] (`accept.rs`), `claim.rs`, `work.rs`, `outcome.rs`,
//! [`Ledger::command`] (`status.rs`).

mod accept;
mod across;
mod admission;
mod ahead;
mod claim;
mod consent;
mod context;
mod hint;
pub mod operate;
mod outcome;
mod routes;
mod row;
mod rush;
mod status;
mod sweep;
mod wait;
mod work;
mod worker;

pub use accept::{Accepted, Entry, NotAccepted, Once};
pub use consent::Consent;
pub use context::{Adapter, Context, Prepared, Preparing, context, context_over};
pub use hint::{Announce, Hint, Listen, Nudge, Queue};
pub use outcome::AttemptError;
pub use status::{Command, FollowUp, Status, Watch};
pub use sweep::RETENTION_DAYS;
pub use worker::Bay;

pub(crate) use claim::Claim;
pub(crate) use row::NewRow;

use persistence::{Db, Migration, Migrations, SqlError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

/// The ledger's tables.
pub const MIGRATIONS: Migrations = Migrations {
    context: "ledger",
    all: &[
        Migration {
            name: "messages",
            postgres: include_str!("../migrations/0001_messages.postgres.sql"),
            sqlite: include_str!("../migrations/0001_messages.sqlite.sql"),
        },
        Migration {
            name: "awaited",
            postgres: include_str!("../migrations/0002_awaited.postgres.sql"),
            sqlite: include_str!("../migrations/0002_awaited.sqlite.sql"),
        },
    ],
};

/// What a node's ledger is made of.
pub struct Settings {
    /// Where the rows are.
    pub db: Db,
    /// All contexts, also those that other nodes work for.
    pub contexts: Vec<Arc<dyn Context>>,
    /// Who hands out hints.
    pub announce: Arc<dyn Announce>,
    /// The hints go through a broker, which may lose them: hint again what stays due.
    pub hints_get_lost: bool,
    /// The longest that a new command may have to wait.
    pub max_delay: Duration,
}

/// One process's hold on the ledger. Clones are the same.
#[derive(Clone)]
pub struct Ledger {
    db: Db,
    node: Uuid,
    routes: Arc<routes::Routes>,
    line: accept::Line,
    announce: Arc<dyn Announce>,
    across: across::Across,
    rush: Arc<rush::Rush>,
    waiters: Arc<wait::Waiters>,
    admission: Arc<admission::Admission>,
    max_delay: Duration,
    stop: watch::Receiver<bool>,
}

/// Every queue of these contexts.
#[must_use]
pub fn queues(contexts: &[Arc<dyn Context>]) -> Vec<Queue> {
    routes::Routes::of(contexts).queues()
}

/// The tasks of a node. Dropping it stops them without waiting.
pub struct Node {
    ledger: Ledger,
    contexts: Vec<Arc<dyn Context>>,
    stop: watch::Sender<bool>,
    committing: JoinSet<()>,
    working: JoinSet<()>,
}

impl Node {
    /// Starts accepting. Nothing is worked on before [`Node::work`].
    #[must_use]
    pub fn start(settings: Settings) -> Self {
        let Settings { db, contexts, announce, hints_get_lost, max_delay } = settings;
        let (line, waiting) = accept::line();
        let (across, news) = across::Across::new(db.is_shared());
        let (stop, stopped) = watch::channel(false);
        let ledger = Ledger {
            node: Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)),
            routes: Arc::new(routes::Routes::of(&contexts)),
            db,
            line,
            announce,
            across,
            rush: Arc::default(),
            waiters: Arc::default(),
            admission: Arc::default(),
            max_delay,
            stop: stopped,
        };
        let (mut committing, mut working) = (JoinSet::new(), JoinSet::new());
        committing.spawn(ledger.clone().commit_line(waiting));
        if let Some(news) = news {
            committing.spawn(ledger.clone().tell_others(news));
            working.spawn(ledger.clone().hear_others());
        }
        working.spawn(ledger.clone().sweep(hints_get_lost));
        working.spawn(ledger.clone().measure_load());
        Self { ledger, contexts, stop, committing, working }
    }

    /// The ledger, for those who accept and ask.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// Works on these queues.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn work(&mut self, bays: Vec<Bay>) -> Result<(), SqlError> {
        if self.ledger.db.is_served_here_alone() {
            self.ledger.recover().await?;
        }
        self.working.spawn(worker::work(self.ledger.clone(), self.contexts.clone(), bays));
        Ok(())
    }

    /// Tells everyone to stop: nothing more is claimed, and whoever waits is told how things stand.
    /// Accepting goes on, for the requests under way.
    pub fn begin_stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Stops: what runs is finished (25 s at most), the rest goes back.
    pub async fn stop(mut self) {
        self.begin_stop();
        while self.working.join_next().await.is_some() {}
        // The requests have been answered: nobody stands in line.
        self.committing.shutdown().await;
    }
}

impl Ledger {
    /// Whether the node has been told to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Resolves when the node is told to stop.
    pub async fn stopping(&self) {
        // An error means that the node is gone: that is a stop, too.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}
