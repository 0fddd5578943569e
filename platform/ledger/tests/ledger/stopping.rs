//! A process that stops finishes running messages, and releases the others.

use crate::shop::Act;
use crate::world::{World, id, until};
use futures::future::join_all;
use ledger::Status;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn running_messages_finish_and_nothing_more_is_claimed() {
    for world in World::each().await {
        let node = world.node().await;
        let subject = id();
        let runs = node.accept(world.sell_about(subject, 1, Act::StopAtTheGate)).await;
        world.script.has_arrived().await;
        node.node.begin_stop();
        assert!(node.ledger.is_stopping());
        let ledger = node.ledger.clone();
        // The node still accepts. On SQLite, accepting waits for the open transaction.
        let later = tokio::spawn(async move { ledger.accept(world_entry()).await });
        let stopping = tokio::spawn(node.node.stop());
        assert!(!stopping.is_finished());
        world.script.pass.add_permits(1);
        let begun = Instant::now();
        stopping.await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{}: {:?}", world.kind(), begun.elapsed());
        later.abort();
        assert_eq!(world.row(runs).await.status, "succeeded", "{}", world.kind());
        assert_eq!(world.effects(subject).await, [1]);
        assert_eq!(world.number("select count(*) from ledger_messages where status = 'running'").await, 0);
    }
}

/// A command that no worker claims.
fn world_entry() -> ledger::NewCommand {
    let job = crate::shop::Job { script: id(), subject: id(), n: 0, act: Act::Note };
    ledger::NewCommand::new(kernel::MessageId::random(), &crate::shop::Engrave(job), "ada")
}

#[tokio::test]
async fn a_stopping_node_still_accepts_commands_which_wait_for_the_next_process() {
    for world in World::each().await {
        let node = world.node().await;
        let done = node.accept(world.sell(Act::Note)).await;
        node.outcome(done).await;
        node.node.begin_stop();
        let waits = node.accept(world.sell(Act::Note)).await;
        node.node.stop().await;
        let row = world.row(waits).await;
        assert_eq!((row.status.as_str(), row.deaths, row.epoch), ("accepted", 0, 0), "{}", world.kind());
        assert!(node.ledger.accept(world.sell(Act::Note)).await.is_err(), "the commit queue is gone");
        let next = world.node().await;
        assert_eq!(next.outcome(waits).await.status, Status::Succeeded);
    }
}

#[tokio::test]
async fn waiters_get_the_current_status_when_the_process_stops() {
    for world in World::each().await {
        let node = world.idle().await;
        let command = node.accept(world.sell(Act::Note)).await;
        let ledger = node.ledger.clone();
        let waiting =
            tokio::spawn(async move { ledger.command_by(command, Instant::now() + Duration::from_secs(600)).await });
        tokio::task::yield_now().await;
        node.node.begin_stop();
        let latest = tokio::time::timeout(crate::world::PATIENCE, waiting).await.expect("the waiter is woken").unwrap();
        assert_eq!(latest.unwrap().unwrap().status, Status::Accepted, "{}", world.kind());
    }
}

#[tokio::test]
async fn a_message_that_does_not_end_in_time_is_released_as_if_never_claimed() {
    let stop = async |world: World| {
        let node = world.node().await;
        let subject = id();
        let stuck = node.accept(world.engrave_about(subject, 1, Act::StopOnce)).await;
        world.script.has_arrived().await;
        assert_eq!(world.row(stuck).await.deaths, 1);
        let begun = Instant::now();
        node.node.stop().await;
        assert!(begun.elapsed() < Duration::from_secs(28), "{}: {:?}", world.kind(), begun.elapsed());
        let row = world.row(stuck).await;
        assert_eq!((row.status.as_str(), row.deaths, row.attempts), ("accepted", 0, 0), "{}", world.kind());

        let begun = Instant::now();
        let next = world.node().await;
        assert_eq!(next.outcome(stuck).await.status, Status::Succeeded);
        assert!(begun.elapsed() < Duration::from_secs(10), "{}: nothing waits for a lease", world.kind());
        assert_eq!(world.effects(subject).await, [1]);
    };
    join_all(World::each().await.into_iter().map(stop)).await;
}

#[tokio::test]
async fn a_node_that_is_dropped_claims_nothing_more() {
    for world in World::each().await {
        let node = world.node().await;
        let first = node.accept(world.sell(Act::Note)).await;
        node.outcome(first).await;
        let ledger = node.ledger.clone();
        drop(node);
        until("its tasks are gone", async || ledger.accept(world.sell(Act::Note)).await.is_err()).await;
    }
}
