//! Within a context, messages about one subject take effect one at a time, in the order of acceptance.

use crate::shop::{Act, Deliver};
use crate::world::{Hints, World, id, until};
use futures::future::join_all;
use kernel::MessageId;
use ledger::{NewCommand, Status};
use persistence::{execute, sql};
use std::sync::atomic::Ordering::SeqCst;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_messages_about_one_subject_take_effect_in_order_however_many_workers_there_are() {
    for world in World::each().await {
        let mut nodes = vec![world.node_with(Hints::tripled(), 16).await];
        if world.db.is_shared() {
            nodes.push(world.node_with(Hints::default(), 16).await);
        }
        for round in 0..4 {
            let subjects = [id(), id(), id()];
            let mut last = Vec::new();
            for n in 0..50 {
                let accepted = subjects.iter().map(|subject| {
                    let subject = *subject;
                    let node = &nodes[n % nodes.len()];
                    let number = i64::try_from(n).unwrap();
                    // Both lanes are in one order.
                    let entry = match n % 5 {
                        0 => world.engrave_about(subject, number, Act::Note),
                        _ => world.sell_about(subject, number, Act::Note),
                    };
                    node.accept(entry)
                });
                last = join_all(accepted).await;
            }
            for command in last {
                nodes[0].outcome(command).await;
            }
            for subject in subjects {
                assert_eq!(
                    world.effects(subject).await,
                    (0..50).collect::<Vec<_>>(),
                    "{} in round {round}",
                    world.kind()
                );
            }
        }
        assert_eq!(world.script.overlaps.load(SeqCst), 0, "{}", world.kind());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_about_one_subject_that_come_at_once_still_take_effect_one_at_a_time() {
    for world in World::each().await {
        let mut nodes = vec![world.node_with(Hints::default(), 16).await];
        if world.db.is_shared() {
            nodes.push(world.node_with(Hints::default(), 16).await);
        }
        for _ in 0..10 {
            let subject = id();
            let all = join_all((0..40).map(|n: usize| {
                let number = i64::try_from(n).unwrap();
                nodes[n % nodes.len()].accept(world.sell_about(subject, number, Act::Note))
            }))
            .await;
            for command in all {
                nodes[0].outcome(command).await;
            }
            let mut effects = world.effects(subject).await;
            effects.sort_unstable();
            assert_eq!(effects, (0..40).collect::<Vec<_>>());
        }
        assert_eq!(world.script.overlaps.load(SeqCst), 0, "{}", world.kind());
    }
}

#[tokio::test]
async fn a_row_whose_commit_came_late_does_not_run_beside_a_later_one() {
    let Some(world) = World::postgres().await else { return };
    let node = world.node_with(Hints::default(), 8).await;
    let subject = id();
    // Its sequence number is taken, and its commit takes a while, as on a slow node.
    let late = MessageId::random();
    let mut slow = world.db.begin().await.unwrap();
    let insert = "insert into ledger_messages (id, root, context, lane, name, subject, principal, payload) \
         values ($1, $1, 'shop', 'fast', 'shop.sell.v1', $2, 'ada', $3)";
    let payload = serde_json::to_string(&world.job(subject, 1, Act::Note)).unwrap();
    execute!(&mut slow, insert, late.as_uuid(), subject, payload).unwrap();

    let later = node.accept(world.sell_about(subject, 2, Act::StopOnce)).await;
    world.script.has_arrived().await;
    slow.commit().await.unwrap();
    // A worker that looks now finds the late one first.
    for _ in 0..3 {
        let other = node.accept(world.sell(Act::Note)).await;
        node.outcome(other).await;
    }
    assert_eq!(world.row(late).await.epoch, 0, "it waits");
    world.script.pass.add_permits(1);
    node.outcome(later).await;
    node.outcome(late).await;
    assert_eq!(world.effects(subject).await, [2, 1]);
    assert_eq!(world.script.overlaps.load(SeqCst), 0);
}

#[tokio::test]
async fn two_rows_of_one_subject_that_were_claimed_at_once_still_take_effect_one_at_a_time() {
    let Some(world) = World::postgres().await else { return };
    // Two claims did not see each other, as when the earlier row was committed between them.
    let mut node = world.idle().await;
    let subject = id();
    let both = [
        node.accept(world.engrave_about(subject, 1, Act::StopAtTheGate)).await,
        node.accept(world.engrave_about(subject, 2, Act::StopAtTheGate)).await,
    ];
    let elsewhere = id();
    let mut tx = world.db.begin().await.unwrap();
    let apart = "update ledger_messages set subject = $1 where id = $2";
    execute!(&mut tx, apart, elsewhere, both[1].as_uuid()).unwrap();
    tx.commit().await.unwrap();
    node.work(4).await;
    world.script.has_arrived().await;
    world.script.has_arrived().await;
    let mut tx = world.db.begin().await.unwrap();
    execute!(&mut tx, apart, subject, both[1].as_uuid()).unwrap();
    tx.commit().await.unwrap();

    // The lock on the table keeps the first handler inside its transaction.
    let mut tx = world.db.begin().await.unwrap();
    execute!(&mut tx, "lock table effects in exclusive mode").unwrap();
    world.script.pass.add_permits(2);
    until("one is inside", async || world.script.handled.load(SeqCst) == 1).await;
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'advisory'";
    until("the other waits outside", async || world.number(waits).await == 1).await;
    drop(tx);
    for command in both {
        assert_eq!(node.outcome(command).await.status, Status::Succeeded);
    }
    assert_eq!(world.script.overlaps.load(SeqCst), 0);
}

#[tokio::test]
async fn a_row_that_waits_for_another_try_holds_back_only_its_successors() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let subject = id();
        let first = node.accept(world.sell_about(subject, 1, Act::Note)).await;
        // Like a failed attempt. No worker runs yet that could be faster.
        let later = sql!("update ledger_messages set attempts = 1, next_attempt_at = {now} + {4 min} where id = $1");
        assert_eq!(world.sql_on(first, later).await, 1);
        node.work(4).await;
        let second = node.accept(world.sell_about(subject, 2, Act::Note)).await;
        let other_lane = node.accept(world.engrave_about(subject, 3, Act::Note)).await;
        for _ in 0..3 {
            let other = node.accept(world.sell(Act::Note)).await;
            assert_eq!(node.outcome(other).await.status, Status::Succeeded, "another subject is not held back");
            let slow = node.accept(world.engrave(Act::Note)).await;
            node.outcome(slow).await;
        }
        let elsewhere = NewCommand::new(MessageId::random(), &Deliver(world.job(subject, 9, Act::Note)), "ada");
        let elsewhere = node.accept(elsewhere).await;
        assert_eq!(node.outcome(elsewhere).await.status, Status::Succeeded, "nor is another context");
        assert_eq!((world.row(second).await.epoch, world.row(other_lane).await.epoch), (0, 0), "{}", world.kind());
        world.all_due().await;
        node.outcome(other_lane).await;
        assert_eq!(world.effects(subject).await, [9, 1, 2, 3], "{}", world.kind());
    }
}

#[tokio::test]
async fn a_failed_row_holds_no_other_back() {
    for world in World::each().await {
        let node = world.node().await;
        let subject = id();
        let first = node.accept(world.sell_about(subject, 1, Act::Break)).await;
        let second = node.accept(world.sell_about(subject, 2, Act::Note)).await;
        assert_eq!(node.outcome(second).await.status, Status::Succeeded);
        assert_eq!(node.outcome(first).await.status, Status::Failed);
        assert_eq!(world.effects(subject).await, [2], "{}", world.kind());
    }
}
