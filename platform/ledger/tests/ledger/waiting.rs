//! Requests that wait for a command are woken.

use crate::shop::Act;
use crate::world::{PATIENCE, Running, World, id};
use kernel::MessageId;
use ledger::{Ledger, Status};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// A node that works for the shop alone, so that a sale that sends to the depot never settles. A request that waits
/// for the sale itself is then woken by the commit, and not by the sweep.
async fn shop_alone(world: &World) -> Running {
    let mut node = world.idle().await;
    node.work_where(4, |queue| queue.context == "shop").await;
    node
}

fn wait_for_the_end(ledger: &Ledger, subject: Uuid) -> JoinHandle<()> {
    let ledger = ledger.clone();
    tokio::spawn(async move {
        ledger.ended_by("shop", "shop.engrave.v1", subject, Instant::now() + Duration::from_secs(600)).await.unwrap();
    })
}

async fn sell_and_stop(world: &World, node: &Running) -> (MessageId, Uuid) {
    let subject = id();
    let command = node.accept(world.engrave_about(subject, 1, Act::StopAtTheGate)).await;
    world.script.has_arrived().await;
    (command, subject)
}

/// Adds a follow-up that never settles.
async fn add_an_open_follow_up(world: &World, command: MessageId) {
    let sql = (
        "insert into ledger_messages (id, root, context, lane, name, subject, principal, payload) \
         values (gen_random_uuid(), $1, 'depot', 'fast', 'depot.deliver.v1', gen_random_uuid(), 'ada', '{}')",
        "insert into ledger_messages (id, root, context, lane, name, subject, principal, payload) \
         values (randomblob(16), $1, 'depot', 'fast', 'depot.deliver.v1', randomblob(16), 'ada', '{}')",
    );
    assert_eq!(world.sql_on(command, sql).await, 1);
}

#[tokio::test]
async fn a_waiter_is_woken_by_the_commit() {
    for world in World::each().await {
        let node = shop_alone(&world).await;
        for _ in 0..10 {
            let (command, subject) = sell_and_stop(&world, &node).await;
            add_an_open_follow_up(&world, command).await;
            let waiting = wait_for_the_end(&node.ledger, subject);
            tokio::task::yield_now().await;
            world.script.pass.add_permits(1);
            timeout(PATIENCE, waiting).await.expect("it is woken").unwrap();
            assert_eq!(world.row(command).await.status, "succeeded", "{}", world.kind());
        }
    }
}

#[tokio::test]
async fn a_waiter_is_woken_by_the_commit_of_another_process() {
    let Some(world) = World::postgres().await else { return };
    let node = shop_alone(&world).await;
    let other = world.idle().await;
    listens(&world, 2).await;
    for _ in 0..10 {
        let (command, subject) = sell_and_stop(&world, &node).await;
        add_an_open_follow_up(&world, command).await;
        let waiting = wait_for_the_end(&other.ledger, subject);
        tokio::task::yield_now().await;
        world.script.pass.add_permits(1);
        timeout(PATIENCE, waiting).await.expect("it is woken").unwrap();
        assert_eq!(world.row(command).await.status, "succeeded");
    }
}

/// Waits until this many processes listen.
async fn listens(world: &World, processes: i64) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%'";
    crate::world::until("all processes listen", async || world.number(sql).await >= processes).await;
}

#[tokio::test]
async fn workers_are_notified_of_commands_that_another_process_accepted() {
    let Some(world) = World::postgres().await else { return };
    let worker = world.node().await;
    let edge = world.idle().await;
    listens(&world, 2).await;
    let first = edge.accept(world.sell(Act::Note)).await;
    edge.outcome(first).await;
    let begun = Instant::now();
    for _ in 0..20 {
        let command = edge.accept(world.sell(Act::Note)).await;
        edge.outcome(command).await;
    }
    // By polling alone, each would take about a second.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    drop(worker);
}

#[tokio::test]
async fn the_sweep_wakes_a_waiter_that_got_no_wake_up() {
    for world in World::each().await {
        let node = world.idle().await;
        let command = node.accept(world.sell(Act::Note)).await;
        let ledger = node.ledger.clone();
        let waiting =
            tokio::spawn(async move { ledger.command_by(command, Instant::now() + Duration::from_secs(600)).await });
        tokio::task::yield_now().await;
        // This change sends no notification.
        world
            .sql_on(command, "update ledger_messages set status = 'succeeded', finished_at = accepted_at where id = $1")
            .await;
        let begun = Instant::now();
        let latest = timeout(PATIENCE, waiting).await.expect("the sweep wakes it").unwrap().unwrap().unwrap();
        assert_eq!(latest.status, Status::Succeeded);
        assert!(begun.elapsed() < Duration::from_secs(5), "{}: {:?}", world.kind(), begun.elapsed());
    }
}

#[tokio::test]
async fn a_waiter_gets_the_current_status_at_its_deadline() {
    for world in World::each().await {
        let node = world.idle().await;
        let command = node.accept(world.sell(Act::Note)).await;
        let latest =
            node.ledger.command_by(command, Instant::now() + Duration::from_millis(50)).await.unwrap().unwrap();
        assert_eq!(latest.status, Status::Accepted, "{}", world.kind());
        assert!(node.ledger.command_by(MessageId::random(), Instant::now() + PATIENCE).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_unfinished_command_is_found_by_its_subject() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let subject = id();
        let command = node.accept(world.sell_about(subject, 1, Act::Note)).await;
        let live = async |name: &str, subject| node.ledger.live("shop", name, subject).await.unwrap();
        assert_eq!(live("shop.sell.v1", subject).await, Some(command), "{}", world.kind());
        assert_eq!(live("shop.engrave.v1", subject).await, None);
        assert_eq!(live("shop.sell.v1", id()).await, None);
        node.work(4).await;
        node.outcome(command).await;
        assert_eq!(node.ledger.live("shop", "shop.sell.v1", subject).await.unwrap(), None);
    }
}
