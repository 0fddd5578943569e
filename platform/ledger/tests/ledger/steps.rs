//! A long message is handled in steps.

use crate::shop::Act;
use crate::world::{World, id, until};
use ledger::Status;
use persistence::sql;
use std::sync::atomic::Ordering::SeqCst;

#[tokio::test]
async fn a_message_that_continues_is_handled_until_it_does_not_and_each_step_is_committed() {
    for world in World::each().await {
        let node = world.node().await;
        for act in [world.sell_about(id(), 1, Act::Continue(5)), world.engrave_about(id(), 1, Act::Continue(5))] {
            world.script.handled.store(0, SeqCst);
            let command = node.accept(act).await;
            let done = node.outcome(command).await;
            assert_eq!((done.status, done.attempts), (Status::Succeeded, 0), "{}", world.kind());
            assert_eq!(world.script.handled.load(SeqCst), 5, "{}", world.kind());
            let row = world.row(command).await;
            assert_eq!((row.status.as_str(), row.payload, row.deaths), ("succeeded", None, 0));
        }
        assert_eq!(world.number("select count(*) from effects").await, 10, "{}", world.kind());
    }
}

#[tokio::test]
async fn a_message_that_continues_holds_back_later_ones_about_its_subject() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let subject = id();
        let long = node.accept(world.sell_about(subject, 1, Act::Continue(4))).await;
        let next = node.accept(world.sell_about(subject, 2, Act::Note)).await;
        node.work(4).await;
        assert_eq!(node.outcome(next).await.status, Status::Succeeded);
        assert_eq!(node.outcome(long).await.status, Status::Succeeded);
        assert_eq!(world.effects(subject).await, [1, 1, 1, 1, 2], "{}", world.kind());
    }
}

#[tokio::test]
async fn a_message_that_pauses_is_handled_again_when_the_pause_is_over() {
    for world in World::each().await {
        let node = world.node().await;
        let command = node.accept(world.sell_about(id(), 1, Act::Pause)).await;
        until("the first step is done", async || world.number("select count(*) from effects").await == 1).await;
        let due = sql!(
            "update ledger_messages set next_attempt_at = {now} \
             where id = $1 and status = 'accepted' and next_attempt_at between {now} + {29 min} and {now} + {30 min}"
        );
        until("the row waits for half an hour, the longest pause", async || world.sql_on(command, due).await == 1)
            .await;
        assert_eq!(node.outcome(command).await.status, Status::Succeeded, "{}", world.kind());
        assert_eq!(world.number("select count(*) from effects").await, 2, "{}", world.kind());
    }
}
