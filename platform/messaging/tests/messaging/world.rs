//! Helpers of the tests: queues of their own on a shared broker, and long timeouts.

use kernel::MessageId;
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use ledger::{Hint, HintReceiver, HintSender as _, Queue, WakeUp};
use messaging::{BrokerState, HintEvent, RabbitMq};
use std::{env, time::Duration};
use tokio::time::{sleep, timeout};
use use_case::Lane;

pub(crate) const FAST: Queue = Queue { context: "users", lane: Lane::Fast };
pub(crate) const SLOW: Queue = Queue { context: "auth", lane: Lane::Slow };

/// Far longer than any working operation takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A variable that `cargo xtask test` sets. `None` where only tests without servers are asked for. Otherwise a
/// missing variable is a failure, because no test is skipped silently.
pub(crate) fn setting(name: &str) -> Option<String> {
    let value = env::var(name).ok();
    let embedded = env::var("TEST_EMBEDDED").is_ok_and(|value| value == "1");
    assert!(value.is_some() || embedded, "run cargo xtask test, or set {name}");
    value
}

pub(crate) fn hint() -> Hint {
    Hint { id: MessageId::random(), name: "users.register_user.v1".to_owned(), traceparent: None }
}

/// The next wake-up, or a failure when none comes.
pub(crate) async fn heard(ear: &mut impl HintReceiver) -> WakeUp {
    timeout(PATIENCE, ear.next()).await.unwrap()
}

/// Polls until the condition holds.
pub(crate) async fn eventually(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "not in time: {what}");
}

/// Waits until hints go through, both ways.
pub(crate) async fn connected(hints: &RabbitMq) {
    eventually("connected", async || hints.state() == BrokerState::Connected).await;
}

/// Announces until a hint is received, because hints may be lost in an outage.
pub(crate) async fn goes_through(hints: &RabbitMq, ear: &mut impl HintReceiver) {
    eventually("a hint goes through", async || {
        hints.announce(&FAST, vec![hint()]);
        timeout(Duration::from_millis(200), ear.next()).await.is_ok()
    })
    .await;
}

pub(crate) fn published(hints: &RabbitMq) -> u64 {
    hints.count(HintEvent::Published)
}

/// Queues under a prefix of their own, deleted at the end.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) prefix: String,
    connection: Connection,
}

impl World {
    pub(crate) async fn new() -> Option<Self> {
        Some(Self::on(&setting("TEST_AMQP_URL")?).await)
    }

    pub(crate) async fn on(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        Self { url: url.to_owned(), prefix: format!("test-{}", MessageId::random()), connection }
    }

    /// Announces to both queues.
    pub(crate) fn api(&self) -> RabbitMq {
        RabbitMq::start(&self.url, &self.prefix, &[FAST, SLOW], &[]).unwrap()
    }

    /// Announces to both queues and consumes both.
    pub(crate) fn worker(&self) -> RabbitMq {
        RabbitMq::start(&self.url, &self.prefix, &[FAST, SLOW], &[(FAST, 2), (SLOW, 2)]).unwrap()
    }

    pub(crate) fn name(&self, queue: &Queue) -> String {
        format!("{}.{}.{}.v1", self.prefix, queue.context, queue.lane.as_str())
    }

    pub(crate) async fn channel(&self) -> Channel {
        self.connection.create_channel().await.unwrap()
    }

    /// Counts the messages of a queue that no consumer holds.
    pub(crate) async fn waiting(&self, queue: &Queue) -> u32 {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await;
        let declared = channel.queue_declare(self.name(queue).into(), options, FieldTable::default());
        let count = declared.await.unwrap().message_count();
        channel.close(200, "OK".into()).await.unwrap();
        count
    }

    pub(crate) async fn delete(&self, queue: &Queue) {
        let channel = self.channel().await;
        let deleted = channel.queue_delete(self.name(queue).into(), QueueDeleteOptions::default());
        deleted.await.unwrap();
        channel.close(200, "OK".into()).await.unwrap();
    }

    pub(crate) async fn end(self) {
        for queue in [FAST, SLOW] {
            self.delete(&queue).await;
        }
    }
}
