//! A broker that is killed, frozen or full, and comes back.

use crate::{
    broker::Broker,
    world::{FAST, connected, eventually, goes_through, heard, hint, published, setting},
};
use ledger::HintSender as _;
use messaging::{BrokerState, HintEvent, RabbitMq};

fn worker(broker: &Broker) -> RabbitMq {
    RabbitMq::start(&broker.url(), "app", &[FAST], &[(FAST, 2)]).unwrap()
}

async fn degraded(hints: &RabbitMq, why: &str) {
    eventually(why, async || matches!(hints.state(), BrokerState::Degraded(text) if text.contains(why))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_starts_late_and_is_killed_again_and_again_is_found_again() {
    let Some(program) = setting("TEST_RABBITMQ_SERVER") else { return };
    let mut broker = Broker::new(&program);
    let hints = worker(&broker);
    let mut ear = hints.listen(&FAST);
    broker.start();
    connected(&hints).await;
    broker.stop();
    degraded(&hints, "publishing").await;
    broker.start();
    for _ in 0..2 {
        connected(&hints).await;
        hints.announce(&FAST, vec![hint()]);
        let before = heard(&mut ear).await;
        broker.kill();
        degraded(&hints, "publishing").await;
        degraded(&hints, "consuming").await;
        // Announcing does not wait, and hints beyond the capacity are dropped.
        hints.announce(&FAST, (0..10_000).map(|_| hint()).collect());
        assert!(hints.count(HintEvent::Dropped) > 0);
        broker.start();
        goes_through(&hints, &mut ear).await;
        // A delivery tag of the earlier connection means nothing on this one.
        drop(before);
        goes_through(&hints, &mut ear).await;
    }
    hints.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_delays_no_caller_and_works_again_when_it_thaws() {
    let Some(program) = setting("TEST_RABBITMQ_SERVER") else { return };
    let mut broker = Broker::new(&program);
    broker.start();
    let hints = worker(&broker);
    let mut ear = hints.listen(&FAST);
    goes_through(&hints, &mut ear).await;
    broker.freeze();
    hints.announce(&FAST, vec![hint()]);
    eventually("the confirm is given up", async || hints.count(HintEvent::Unconfirmed) > 0).await;
    degraded(&hints, "not confirmed").await;
    // The heartbeat notices.
    degraded(&hints, "publishing").await;
    broker.thaw();
    connected(&hints).await;
    goes_through(&hints, &mut ear).await;
    hints.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_without_memory_is_seen_and_publishing_waits_for_it() {
    let Some(program) = setting("TEST_RABBITMQ_SERVER") else { return };
    let mut broker = Broker::new(&program);
    broker.start();
    let hints = worker(&broker);
    let mut ear = hints.listen(&FAST);
    goes_through(&hints, &mut ear).await;
    broker.control(&["set_vm_memory_high_watermark", "absolute", "1"]);
    // RabbitMQ blocks a connection when that publishes, and also a connection that replaces it.
    eventually("blocked", async || {
        hints.announce(&FAST, vec![hint()]);
        matches!(hints.state(), BrokerState::Degraded(text) if text.contains("blocked"))
    })
    .await;
    let before = published(&hints);
    broker.control(&["set_vm_memory_high_watermark", "0.6"]);
    connected(&hints).await;
    eventually("what waited is published", async || published(&hints) > before).await;
    goes_through(&hints, &mut ear).await;
    hints.shutdown().await;
}
