//! A database with the ledger's tables, and nodes on it.

use crate::shop::{Act, Engrave, Job, Script, Sell, depot, shop};
use kernel::MessageId;
use ledger::{
    Accepted, Command, Hint, HintReceiver, HintSender, Ledger, MessageHandlers, NewCommand, Node, NodeConfig, Queue,
    QueueConsumer, WakeUp,
};
use persistence::testing::TestDb;
use persistence::{Db, DialectSql, Tx, execute, fetch_all, fetch_one, fetch_optional, sql};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use use_case::async_trait;
use uuid::Uuid;

/// How long a test waits for an expected event.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) const MAX_DELAY: Duration = Duration::from_secs(60);

const EFFECTS: (&str, &str) = (
    "create table effects (id bigint generated always as identity primary key, context text not null, subject uuid not null, n bigint not null)",
    "create table effects (id integer primary key autoincrement, context text not null, subject blob not null, n integer not null) strict",
);

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) db: Db,
    pub(crate) script: Arc<Script>,
}

/// A row of the ledger as it is stored.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) status: String,
    pub(crate) payload: Option<String>,
    pub(crate) attempts: i64,
    pub(crate) deaths: i64,
    pub(crate) epoch: i64,
    pub(crate) errors: String,
}

impl World {
    async fn on(test: TestDb) -> Self {
        test.db.migrate(&ledger::MIGRATIONS).await.unwrap();
        let db = test.db.clone();
        let world = Self { test, db, script: Script::new(id()) };
        world.sql(EFFECTS).await;
        world
    }

    pub(crate) async fn each() -> Vec<Self> {
        let mut all = Vec::new();
        for test in TestDb::each().await {
            all.push(Self::on(test).await);
        }
        all
    }

    /// A world on PostgreSQL only, for several nodes.
    pub(crate) async fn postgres() -> Option<Self> {
        match TestDb::postgres().await {
            Some(test) => Some(Self::on(test).await),
            None => None,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.db.kind()
    }

    pub(crate) async fn sql(&self, sql: impl DialectSql) -> u64 {
        let mut tx = self.db.begin().await.unwrap();
        let done = execute!(&mut tx, sql).unwrap();
        tx.commit().await.unwrap();
        done
    }

    /// A statement about one row.
    pub(crate) async fn sql_on(&self, row: MessageId, sql: impl DialectSql) -> u64 {
        let mut tx = self.db.begin().await.unwrap();
        let done = execute!(&mut tx, sql, row.as_uuid()).unwrap();
        tx.commit().await.unwrap();
        done
    }

    pub(crate) async fn number(&self, sql: impl DialectSql) -> i64 {
        let mut db = self.db.read().await.unwrap();
        fetch_one!(&mut db, (i64,), sql).unwrap().0
    }

    pub(crate) async fn row(&self, id: MessageId) -> Row {
        self.find(id).await.expect("the row is there")
    }

    pub(crate) async fn find(&self, id: MessageId) -> Option<Row> {
        let sql = "select status, payload, attempts, deaths, lease_epoch, coalesce(errors, '') from ledger_messages where id = $1";
        let mut db = self.db.read().await.unwrap();
        let row = fetch_optional!(&mut db, (String, Option<String>, i64, i64, i64, String), sql, id.as_uuid()).unwrap();
        row.map(|(status, payload, attempts, deaths, epoch, errors)| Row {
            status,
            payload,
            attempts,
            deaths,
            epoch,
            errors,
        })
    }

    /// The numbers noted about a subject, in order.
    pub(crate) async fn effects(&self, subject: Uuid) -> Vec<i64> {
        let sql = "select n from effects where subject = $1 order by id";
        let mut db = self.db.read().await.unwrap();
        fetch_all!(&mut db, (i64,), sql, subject).unwrap().into_iter().map(|(n,)| n).collect()
    }

    pub(crate) fn job(&self, subject: Uuid, n: i64, act: Act) -> Job {
        Job { script: self.script.id, subject, n, act }
    }

    pub(crate) fn sell(&self, act: Act) -> NewCommand {
        self.sell_about(id(), 0, act)
    }

    pub(crate) fn sell_about(&self, subject: Uuid, n: i64, act: Act) -> NewCommand {
        NewCommand::new(MessageId::random(), &Sell(self.job(subject, n, act)), "ada")
    }

    pub(crate) fn engrave(&self, act: Act) -> NewCommand {
        self.engrave_about(id(), 0, act)
    }

    pub(crate) fn engrave_about(&self, subject: Uuid, n: i64, act: Act) -> NewCommand {
        NewCommand::new(MessageId::random(), &Engrave(self.job(subject, n, act)), "ada")
    }

    pub(crate) async fn until_status(&self, id: MessageId, status: &str) {
        until(&format!("{}: {id} is {status}", self.kind()), async || self.row(id).await.status == status).await;
    }

    /// Expires the leases of all rows that were claimed once.
    pub(crate) async fn expire_first_leases(&self) {
        let past = sql!(
            "update ledger_messages set lease_until = {now} - {1 min} where status = 'running' and lease_epoch = 1"
        );
        self.sql(past).await;
    }

    /// Makes every message that waits for another try due.
    pub(crate) async fn all_due(&self) {
        let due = sql!("update ledger_messages set next_attempt_at = {now} where status = 'accepted'");
        self.sql(due).await;
    }

    pub(crate) async fn subscribe(&self, event: &str, context: &str, lane: &str) {
        let mut tx: Tx = self.db.begin().await.unwrap();
        let sql = "insert into ledger_subscriptions (event, context, lane) values ($1, $2, $3)";
        execute!(&mut tx, sql, event, context, lane).unwrap();
        tx.commit().await.unwrap();
    }

    /// Like [`subscribe`](Self::subscribe), but commands do not wait for the subscriber.
    pub(crate) async fn subscribe_unawaited(&self, event: &str, context: &str, lane: &str) {
        let mut tx: Tx = self.db.begin().await.unwrap();
        let sql = "insert into ledger_subscriptions (event, context, lane, awaited) values ($1, $2, $3, $4)";
        execute!(&mut tx, sql, event, context, lane, false).unwrap();
        tx.commit().await.unwrap();
    }

    /// A node that accepts commands and works on messages.
    pub(crate) async fn node(&self) -> Running {
        self.node_with(Hints::default(), 4).await
    }

    pub(crate) async fn node_with(&self, hints: Hints, slots: usize) -> Running {
        let mut running = self.idle_with(hints.clone(), vec![shop(), depot()]).await;
        running.work(slots).await;
        running
    }

    /// A node that only accepts commands so far.
    pub(crate) async fn idle(&self) -> Running {
        self.idle_with(Hints::default(), vec![shop(), depot()]).await
    }

    pub(crate) async fn idle_with(&self, hints: Hints, contexts: Vec<Arc<dyn MessageHandlers>>) -> Running {
        let db = if self.db.is_shared() {
            // A process of its own, as far as the database can tell.
            Db::open(&self.test.url.parse().unwrap()).await.unwrap()
        } else {
            self.db.clone()
        };
        let node = Node::start(NodeConfig {
            db: db.clone(),
            contexts: contexts.clone(),
            announce: Arc::new(hints.clone()),
            hints_get_lost: false,
            max_delay: MAX_DELAY,
            channel: "ledger_tests",
        });
        Running { db, ledger: node.ledger(), node, hints, contexts }
    }
}

/// One process.
pub(crate) struct Running {
    pub(crate) db: Db,
    pub(crate) ledger: Ledger,
    pub(crate) node: Node,
    hints: Hints,
    contexts: Vec<Arc<dyn MessageHandlers>>,
}

impl Running {
    pub(crate) async fn work(&mut self, slots: usize) {
        self.work_where(slots, |_| true).await;
    }

    /// Works on some queues only.
    pub(crate) async fn work_where(&mut self, slots: usize, wanted: impl Fn(&Queue) -> bool) {
        let consumer = |queue: Queue| QueueConsumer { listen: self.hints.listen(&queue), queue, slots };
        let queues = ledger::queues(&self.contexts).into_iter().filter(wanted);
        self.node.work(queues.map(consumer).collect()).await.unwrap();
    }

    pub(crate) async fn accept(&self, entry: NewCommand) -> MessageId {
        match self.ledger.accept(entry).await.unwrap() {
            Accepted::New(id, _) => id,
            Accepted::Duplicate(id) => panic!("{id} was accepted before"),
        }
    }

    /// Waits until the command is final.
    pub(crate) async fn outcome(&self, id: MessageId) -> Command {
        let command =
            self.ledger.command_by(id, Instant::now() + PATIENCE).await.unwrap().expect("the command is there");
        assert!(command.status.is_final(), "{command:?}");
        command
    }
}

/// Hints within one process, which may be lost or tripled.
#[derive(Clone, Default)]
pub(crate) struct Hints {
    bells: Arc<Mutex<HashMap<Queue, Arc<Notify>>>>,
    how: How,
    pub(crate) handed_out: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum How {
    #[default]
    Once,
    Never,
    /// Three times, with different delays.
    Thrice,
}

impl Hints {
    pub(crate) fn lost() -> Self {
        Self { how: How::Never, ..Self::default() }
    }

    pub(crate) fn tripled() -> Self {
        Self { how: How::Thrice, ..Self::default() }
    }

    fn bell(&self, queue: &Queue) -> Arc<Notify> {
        self.bells.lock().unwrap().entry(queue.clone()).or_default().clone()
    }

    fn listen(&self, queue: &Queue) -> Box<dyn HintReceiver> {
        Box::new(Bell(self.bell(queue)))
    }
}

impl HintSender for Hints {
    fn announce(&self, queue: &Queue, hints: Vec<Hint>) {
        self.handed_out.fetch_add(hints.len(), SeqCst);
        let bell = self.bell(queue);
        match self.how {
            How::Never => {}
            How::Once => bell.notify_one(),
            How::Thrice => {
                let salt = hints.first().map_or(0, |hint| hint.id.as_uuid().as_u128());
                for n in 0..3_u32 {
                    let bell = Arc::clone(&bell);
                    let late = Duration::from_micros(u64::try_from((salt >> (n * 12)) & 0xfff).unwrap());
                    tokio::spawn(async move {
                        tokio::time::sleep(late).await;
                        bell.notify_one();
                    });
                }
            }
        }
    }
}

struct Bell(Arc<Notify>);

#[async_trait]
impl HintReceiver for Bell {
    async fn next(&mut self) -> WakeUp {
        self.0.notified().await;
        WakeUp::default()
    }
}

pub(crate) fn id() -> Uuid {
    MessageId::random().as_uuid()
}

/// Polls until the condition holds.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
