//! Leases of workers that are gone.

use crate::shop::Act;
use crate::world::{World, id, until};
use kernel::MessageId;
use ledger::Status;
use persistence::sql;

/// Leaves a row like a killed process: claimed, and never ended.
async fn leave_behind(world: &World, command: MessageId, lease: (&'static str, &'static str)) {
    assert_eq!(world.sql_on(command, lease).await, 1);
}

const RAN_OUT: (&str, &str) = (
    "update ledger_messages set status = 'running', deaths = 1, lease_epoch = 1, lease_owner = gen_random_uuid(), \
     lease_until = now() - interval '1 second' where id = $1",
    "update ledger_messages set status = 'running', deaths = 1, lease_epoch = 1, lease_owner = randomblob(16), lease_until = 1 where id = $1",
);
const HOLDS: (&str, &str) = (
    "update ledger_messages set status = 'running', deaths = 1, lease_epoch = 1, lease_owner = gen_random_uuid(), \
     lease_until = now() + interval '60 seconds' where id = $1",
    "update ledger_messages set status = 'running', deaths = 1, lease_epoch = 1, lease_owner = randomblob(16), lease_until = 9000000000000000 where id = $1",
);

#[tokio::test]
async fn an_expired_lease_is_ended_and_the_message_is_executed() {
    for world in World::each().await {
        let node = world.node().await;
        let subject = id();
        // In two steps, so that it cannot be claimed between them.
        let gone = world.idle().await;
        let blocked = node.accept(world.sell_about(subject, 0, Act::StopOnce)).await;
        world.script.has_arrived().await;
        if !world.db.is_shared() {
            // The transaction is open, and there is one writer.
            world.script.pass.add_permits(1);
            node.outcome(blocked).await;
            drop(node);
            let command = gone.accept(world.sell_about(subject, 1, Act::Note)).await;
            let mut gone = gone;
            gone.work(1).await;
            gone.outcome(command).await;
            continue;
        }
        let command = gone.accept(world.sell_about(subject, 1, Act::Note)).await;
        leave_behind(&world, command, RAN_OUT).await;
        until("it is due again", async || world.row(command).await.status == "accepted").await;
        assert_eq!(world.row(command).await.deaths, 1, "the crash is counted");
        world.script.pass.add_permits(1);
        assert_eq!(node.outcome(command).await.status, Status::Succeeded);
        assert_eq!(world.effects(subject).await, [0, 1]);
    }
}

#[tokio::test]
async fn a_lease_that_expires_under_a_running_process_is_ended() {
    for world in World::each().await {
        let mut node = world.idle().await;
        node.work_where(4, |queue| queue.context == "depot").await;
        let command = node.accept(world.sell(Act::Note)).await;
        leave_behind(&world, command, RAN_OUT).await;
        until("it is due again", async || world.row(command).await.status == "accepted").await;
        let row = world.row(command).await;
        assert_eq!((row.deaths, row.epoch), (1, 1), "{}", world.kind());
    }
}

#[tokio::test]
async fn a_held_lease_is_left_alone_by_other_processes() {
    let Some(world) = World::postgres().await else { return };
    let mut node = world.idle().await;
    let command = node.accept(world.sell(Act::Note)).await;
    leave_behind(&world, command, HOLDS).await;
    let ran_out = node.accept(world.sell(Act::Note)).await;
    leave_behind(&world, ran_out, RAN_OUT).await;
    node.work(4).await;
    node.outcome(ran_out).await;
    assert_eq!(world.row(command).await.status, "running");
}

#[tokio::test]
async fn the_one_process_of_a_file_begins_at_once_with_what_an_earlier_one_left() {
    let world = World::each().await.remove(0);
    let mut node = world.idle().await;
    let command = node.accept(world.sell(Act::Note)).await;
    leave_behind(&world, command, HOLDS).await;
    node.work(4).await;
    assert_eq!(node.outcome(command).await.status, Status::Succeeded);
    assert_eq!(world.row(command).await.epoch, 2);
}

#[tokio::test]
async fn the_lease_of_a_running_message_is_renewed() {
    for world in World::each().await {
        let node = world.node().await;
        let command = node.accept(world.engrave(Act::StopAtTheGate)).await;
        world.script.has_arrived().await;
        let soon = sql!("update ledger_messages set lease_until = {now} + {9 s} where id = $1");
        assert_eq!(world.sql_on(command, soon).await, 1);
        let renewed = sql!(
            "select count(*) from ledger_messages where status = 'running' and lease_epoch = 1 and lease_until > {now} + {10 s}"
        );
        until("it is renewed", async || world.number(renewed).await == 1).await;
        world.script.pass.add_permits(1);
        node.outcome(command).await;
        assert_eq!(world.row(command).await.epoch, 1, "{}", world.kind());
    }
}
