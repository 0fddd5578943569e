//! Fast messages that were claimed together share a transaction, which only the speed shows.

use crate::shop::Act;
use crate::world::{Running, World, id, until};
use kernel::MessageId;
use ledger::Status;
use std::sync::atomic::Ordering::SeqCst;
use uuid::Uuid;

/// Eight messages, all due before any worker runs.
async fn eight(world: &World, node: &Running, acts: [Act; 8]) -> Vec<(MessageId, Uuid)> {
    let mut all = Vec::new();
    for (n, act) in acts.into_iter().enumerate() {
        let subject = id();
        let entry = world.sell_about(subject, i64::try_from(n).unwrap(), act);
        all.push((node.accept(entry).await, subject));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_claimed_together_are_committed_together() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let all = eight(&world, &node, [Act::Note; 8]).await;
        node.work(8).await;
        for (command, _) in all {
            assert_eq!(node.outcome(command).await.status, Status::Succeeded);
        }
        assert_eq!(world.script.handled.load(SeqCst), 8, "{}", world.kind());
        if world.db.is_shared() {
            assert_eq!(world.number("select count(distinct xmin::text) from effects").await, 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_message_costs_the_others_only_a_second_try() {
    for culprit in [Act::Reject, Act::Break, Act::Panic, Act::SendToUnknownContext] {
        for world in World::each().await {
            let mut node = world.idle().await;
            let acts =
                [Act::Note, Act::Send { breaks: false }, Act::Note, Act::Publish, Act::Note, Act::Note, Act::Note];
            let [a, b, c, d, e, f, g] = acts;
            let all = eight(&world, &node, [a, b, c, d, e, f, g, culprit]).await;
            node.work(8).await;
            for (n, (command, subject)) in all[..7].iter().enumerate() {
                let n = i64::try_from(n).unwrap();
                let done = node.outcome(*command).await;
                assert_eq!((done.status, done.attempts), (Status::Succeeded, 0), "{}: {culprit:?}", world.kind());
                let noted = if n == 1 { vec![n, n] } else { vec![n] };
                assert_eq!(world.effects(*subject).await, noted, "{}: {culprit:?}: once each", world.kind());
            }
            let (command, subject) = all[7];
            until("the culprit has ended an attempt", async || world.row(command).await.attempts == 1).await;
            assert_eq!(world.effects(subject).await, [] as [i64; 0], "{}", world.kind());
            assert!(world.script.handled.load(SeqCst) > 8, "{}: they were tried together first", world.kind());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops_in_the_midst_of_a_group_executes_each_message_once_or_releases_it() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let n = Act::Note;
        let all = eight(&world, &node, [n, n, n, Act::StopAtTheGate, n, n, n, n]).await;
        node.work(8).await;
        world.script.has_arrived().await;
        node.node.begin_stop();
        world.script.pass.add_permits(2);
        node.node.stop().await;
        for (n, (command, subject)) in (0..).zip(&all) {
            let row = world.row(*command).await;
            let effects = match row.status.as_str() {
                "succeeded" => vec![n],
                "accepted" => vec![],
                other => panic!("{}: {n} is {other}", world.kind()),
            };
            assert_eq!((world.effects(*subject).await, row.deaths), (effects, 0), "{}: {n}", world.kind());
        }
        let next = world.node().await;
        for (n, (command, subject)) in (0..).zip(all) {
            assert_eq!(next.outcome(command).await.status, Status::Succeeded);
            assert_eq!(world.effects(subject).await, [n], "{}", world.kind());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_waits_for_a_lock_does_not_keep_the_others_waiting() {
    // SQLite has one writer, so a message that waits inside a transaction delays all others.
    let Some(world) = World::postgres().await else { return };
    let mut node = world.idle().await;
    let n = Act::Note;
    let all = eight(&world, &node, [n, n, n, Act::StopAtTheGate, n, n, n, n]).await;
    node.work(8).await;
    let (stopped, others): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(|(n, _)| *n == 3);
    for (_, (command, _)) in others {
        assert_eq!(node.outcome(*command).await.status, Status::Succeeded);
    }
    for _ in 0..20 {
        let later = node.accept(world.sell(Act::Note)).await;
        assert_eq!(node.outcome(later).await.status, Status::Succeeded);
    }
    world.script.pass.add_permits(2);
    assert_eq!(node.outcome(stopped[0].1.0).await.status, Status::Succeeded);
}
