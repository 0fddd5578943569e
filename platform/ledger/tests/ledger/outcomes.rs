//! The possible outcomes of an attempt.

use crate::shop::Act;
use crate::world::{World, id, until};
use ledger::Status;
use std::sync::atomic::Ordering::SeqCst;

#[tokio::test]
async fn a_rejected_command_is_final_has_a_reason_and_changes_nothing() {
    for world in World::each().await {
        let node = world.node().await;
        for entry in [world.sell(Act::Reject), world.engrave(Act::Reject)] {
            let command = node.accept(entry).await;
            let done = node.outcome(command).await;
            assert_eq!(done.status, Status::Rejected, "{}", world.kind());
            let error = done.error.unwrap();
            assert_eq!((error.code.as_str(), error.message.as_str()), ("sold_out", "it is sold out"));
            let row = world.row(command).await;
            assert_eq!((row.status.as_str(), row.payload, row.deaths), ("rejected", None, 0));
        }
        assert_eq!(world.number("select count(*) from effects").await, 0, "{}", world.kind());
        assert_eq!(world.script.handled.load(SeqCst), 2, "it is not tried again");
    }
}

#[tokio::test]
async fn a_broken_message_becomes_a_dead_letter_with_its_payload() {
    for world in World::each().await {
        let node = world.node().await;
        for entry in [world.sell(Act::Break), world.engrave(Act::Break)] {
            let command = node.accept(entry).await;
            let done = node.outcome(command).await;
            assert_eq!((done.status, done.attempts), (Status::Failed, 1), "{}", world.kind());
            assert_eq!(done.error.unwrap().code, "broken");
            let row = world.row(command).await;
            assert!(row.payload.is_some() && row.errors.contains("out of order"), "{row:?}");
        }
        assert_eq!(world.number("select count(*) from effects").await, 0);
    }
}

#[tokio::test]
async fn an_unreadable_payload_is_broken_and_not_quoted() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let command = node.accept(world.sell(Act::Note)).await;
        world.sql_on(command, "update ledger_messages set payload = '{\"password\":\"s3cret\"}' where id = $1").await;
        node.work(4).await;
        let done = node.outcome(command).await;
        assert_eq!(done.status, Status::Failed);
        assert_eq!(done.error.unwrap().code, "broken");
        assert!(!world.row(command).await.errors.contains("s3cret"));
    }
}

#[tokio::test]
async fn an_unavailable_attempt_is_retried_later_and_every_error_is_kept() {
    for world in World::each().await {
        let node = world.node().await;
        let subject = id();
        let command = node.accept(world.sell_about(subject, 1, Act::BeUnavailable(2))).await;
        let waits = "select count(*) from ledger_messages where status = 'accepted' and attempts = 1 and next_attempt_at > accepted_at";
        until("it waits for its second try", async || world.number(waits).await == 1).await;
        assert_eq!(node.ledger.command(command).await.unwrap().unwrap().status, Status::Running, "it has begun");
        let done = node.outcome(command).await;
        assert_eq!((done.status, done.attempts), (Status::Succeeded, 2), "{}", world.kind());
        let row = world.row(command).await;
        assert_eq!(row.errors.matches("closed").count(), 2, "{row:?}");
        assert_eq!(world.effects(subject).await, [1]);
        assert_eq!(world.script.handled.load(SeqCst), 3);
    }
}

#[tokio::test]
async fn a_lost_race_is_tried_again_at_once_and_nothing_is_prepared_twice() {
    for world in World::each().await {
        let node = world.node().await;
        let subject = id();
        let command = node.accept(world.engrave_about(subject, 1, Act::LoseARace(3))).await;
        let done = node.outcome(command).await;
        assert_eq!((done.status, done.attempts), (Status::Succeeded, 0), "{}: no attempt was used up", world.kind());
        assert_eq!(world.script.handled.load(SeqCst), 4);
        assert_eq!(world.script.prepared.load(SeqCst), 1);
        assert_eq!(world.effects(subject).await, [1]);
    }
}

#[tokio::test]
async fn a_race_that_is_lost_again_and_again_is_retried_later() {
    for world in World::each().await {
        let node = world.node().await;
        let command = node.accept(world.sell(Act::LoseARace(7))).await;
        let done = node.outcome(command).await;
        assert_eq!((done.status, done.attempts), (Status::Succeeded, 1), "{}", world.kind());
    }
}

#[tokio::test]
async fn a_panic_is_an_attempt_and_the_process_lives() {
    for world in World::each().await {
        let node = world.node().await;
        let command = node.accept(world.sell(Act::Panic)).await;
        // Between two tries it waits, and no crash is counted.
        until("it waits for another try", async || {
            let row = world.row(command).await;
            row.status == "accepted" && row.attempts >= 1 && row.deaths == 0 && row.errors.contains("panicked")
        })
        .await;
        let next = node.accept(world.sell(Act::Note)).await;
        assert_eq!(node.outcome(next).await.status, Status::Succeeded);
        assert_eq!(world.number("select count(*) from effects").await, 1, "the panic's write was rolled back");
    }
}

#[tokio::test]
async fn after_twelve_attempts_a_message_becomes_a_dead_letter() {
    for world in World::each().await {
        let node = world.node().await;
        let command = node.accept(world.sell(Act::BeUnavailable(usize::MAX))).await;
        until("it has failed", async || {
            world.all_due().await;
            world.row(command).await.status == "failed"
        })
        .await;
        let row = world.row(command).await;
        assert_eq!((row.attempts, row.errors.matches("closed").count()), (12, 12), "{}", world.kind());
        assert!(row.payload.is_some());
        assert_eq!(world.script.handled.load(SeqCst), 12);
        let done = node.outcome(command).await;
        assert_eq!((done.status, done.error.unwrap().code.as_str()), (Status::Failed, "unavailable"));
    }
}

#[tokio::test]
async fn a_message_that_no_node_knows_waits_and_costs_no_attempt() {
    for world in World::each().await {
        // A newer node has accepted a message that this one does not know yet.
        let mut old = world.idle_with(crate::world::Hints::default(), vec![crate::shop::depot()]).await;
        let new = world.idle().await;
        let command = new.accept(world.sell(Act::Note)).await;
        let other = new.accept(world.sell(Act::Note)).await;
        world.sql_on(other, "update ledger_messages set name = 'shop.not_yet_known.v1' where id = $1").await;
        old.work(4).await;
        let deliver = crate::shop::Deliver(world.job(id(), 0, Act::Note));
        let theirs = old.accept(ledger::NewCommand::new(kernel::MessageId::random(), &deliver, "ada")).await;
        old.outcome(theirs).await;
        let mut new = new;
        new.work(4).await;
        assert_eq!(new.outcome(command).await.status, Status::Succeeded);
        let row = world.row(other).await;
        assert_eq!(
            (row.status.as_str(), row.attempts, row.deaths, row.epoch),
            ("accepted", 0, 0, 0),
            "{}",
            world.kind()
        );
        assert_eq!(world.row(command).await.epoch, 1, "the old node never touched it");
    }
}

#[tokio::test]
async fn a_message_whose_lane_has_changed_since_it_was_accepted_is_done() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let moved = node.accept(world.sell(Act::Note)).await;
        world.sql_on(moved, "update ledger_messages set lane = 'slow' where id = $1").await;
        node.work(4).await;
        assert_eq!(node.outcome(moved).await.status, Status::Succeeded, "{}", world.kind());
    }
}
