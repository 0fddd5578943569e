//! What happens to messages in RabbitMQ's queues.

use crate::world::{FAST, SLOW, World, connected, eventually, goes_through, heard, hint, published};
use lapin::{
    BasicProperties,
    options::{BasicPublishOptions, QueueDeclareOptions},
    types::FieldTable,
};
use ledger::{HintSender as _, Queue};
use messaging::{BrokerState, HintEvent};
use use_case::Lane;

#[tokio::test]
async fn a_used_hint_is_gone_and_an_unused_one_goes_to_another_worker() {
    let Some(world) = World::new().await else { return };
    let hints = world.worker();
    let mut ear = hints.listen(&FAST);
    hints.announce(&FAST, (0..3).map(|_| hint()).collect());
    let nudges = [heard(&mut ear).await, heard(&mut ear).await, heard(&mut ear).await];
    let [used, used_too, kept] = nudges;
    // Any thread may drop it.
    std::thread::spawn(move || drop(used)).join().unwrap();
    drop(used_too);
    hints.shutdown().await;
    assert_eq!(hints.count(HintEvent::Acknowledged), 2);
    eventually("the third is back", async || world.waiting(&FAST).await == 1).await;

    let other = world.worker();
    let again = heard(&mut other.listen(&FAST)).await;
    assert_eq!(again.id, kept.id);
    drop(again);
    drop(kept);
    other.shutdown().await;
    assert_eq!(other.count(HintEvent::Acknowledged), 1);
    assert_eq!(world.waiting(&FAST).await, 0);
    world.end().await;
}

#[tokio::test]
async fn a_worker_holds_two_hints_more_than_it_works_on() {
    let Some(world) = World::new().await else { return };
    let api = world.api();
    api.announce(&FAST, (0..50).map(|_| hint()).collect());
    eventually("all are published", async || published(&api) == 50).await;
    let worker = world.worker();
    // No received hint is used: there are two slots, and two more are prefetched.
    eventually("four are held", async || worker.count(HintEvent::Received) == 4 && world.waiting(&FAST).await == 46)
        .await;
    worker.shutdown().await;
    eventually("all are back", async || world.waiting(&FAST).await == 50).await;
    api.shutdown().await;
    world.end().await;
}

#[tokio::test]
async fn a_delivery_that_is_not_a_hint_is_removed_from_the_queue() {
    let Some(world) = World::new().await else { return };
    let hints = world.worker();
    connected(&hints).await;
    let fine = serde_json::to_vec(&hint()).unwrap();
    let long = [fine.clone(), vec![b' '; 5000]].concat();
    let deep = "[".repeat(4000);
    let bad: [&[u8]; 7] = [b"", b"\xff\xfe", b"null", b"{}", br#"{"id":"x","name":"y"}"#, &long, deep.as_bytes()];
    let channel = world.channel().await;
    for payload in bad {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        channel.basic_publish("".into(), world.name(&FAST).into(), options, payload, properties).await.unwrap();
    }
    eventually("all are counted", async || hints.count(HintEvent::Unreadable) == 7).await;
    hints.announce(&FAST, vec![hint()]);
    drop(heard(&mut hints.listen(&FAST)).await);
    hints.shutdown().await;
    assert_eq!(hints.count(HintEvent::Acknowledged), 8);
    assert_eq!(world.waiting(&FAST).await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hints_at_once_are_distinguished_from_returned_ones() {
    let Some(world) = World::new().await else { return };
    let hints = world.api();
    connected(&hints).await;
    let nowhere = Queue { context: "nowhere", lane: Lane::Fast };
    for _ in 0..40 {
        for _ in 0..25 {
            hints.announce(&FAST, vec![hint()]);
            hints.announce(&nowhere, vec![hint()]);
        }
        // Send no more than the queue holds.
        tokio::task::yield_now().await;
    }
    eventually("all have an outcome", async || {
        published(&hints) + hints.count(HintEvent::Returned) + hints.count(HintEvent::Unconfirmed) == 2000
    })
    .await;
    assert_eq!((published(&hints), hints.count(HintEvent::Returned)), (1000, 1000));
    assert_eq!((hints.count(HintEvent::Unconfirmed), hints.count(HintEvent::Dropped)), (0, 0));
    assert_eq!(world.waiting(&FAST).await, 1000);
    hints.shutdown().await;
    world.end().await;
}

#[tokio::test]
async fn a_shutdown_publishes_waiting_hints() {
    let Some(world) = World::new().await else { return };
    let hints = world.api();
    connected(&hints).await;
    hints.announce(&FAST, (0..100).map(|_| hint()).collect());
    hints.announce(&FAST, Vec::new());
    hints.shutdown().await;
    assert_eq!((published(&hints), world.waiting(&FAST).await), (100, 100));
    hints.announce(&FAST, vec![hint()]);
    assert_eq!(hints.count(HintEvent::Dropped), 1);
    world.end().await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_an_error_until_it_is_deleted() {
    let Some(world) = World::new().await else { return };
    let classic = world.channel().await;
    let declared =
        classic.queue_declare(world.name(&FAST).into(), QueueDeclareOptions::durable(), FieldTable::default());
    declared.await.unwrap();
    let hints = world.worker();
    let name = world.name(&FAST);
    eventually(
        "the state says which queue and why",
        async || matches!(hints.state(), BrokerState::Degraded(why) if why.contains(&name) && why.contains("x-queue-type")),
    )
    .await;
    // Hints do not go to the other queue of this name.
    hints.announce(&FAST, vec![hint()]);
    assert_eq!(published(&hints), 0);

    world.delete(&FAST).await;
    connected(&hints).await;
    goes_through(&hints, &mut hints.listen(&FAST)).await;
    hints.shutdown().await;
    world.end().await;
}

#[tokio::test]
async fn a_deleted_queue_is_declared_again() {
    let Some(world) = World::new().await else { return };
    let hints = world.worker();
    let mut ear = hints.listen(&FAST);
    goes_through(&hints, &mut ear).await;
    world.delete(&FAST).await;
    goes_through(&hints, &mut ear).await;

    // The publisher declares it, too, when there is no consumer.
    let api = world.api();
    connected(&api).await;
    hints.shutdown().await;
    world.delete(&SLOW).await;
    eventually("the queue is there again", async || {
        api.announce(&SLOW, vec![hint()]);
        published(&api) > 0
    })
    .await;
    assert!(world.waiting(&SLOW).await > 0);
    api.shutdown().await;
    world.end().await;
}
