//! A hint may be lost, duplicated, delayed or reordered, which changes only the time.

use crate::shop::Act;
use crate::shop::{depot, shop};
use crate::world::{Hints, World, id, until};
use futures::future::join_all;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_that_come_thrice_and_in_any_order_do_no_harm() {
    for world in World::each().await {
        let node = world.node_with(Hints::tripled(), 8).await;
        for _ in 0..3 {
            let subjects: Vec<_> = (0..60).map(|_| id()).collect();
            let all = join_all(subjects.iter().enumerate().map(|(n, subject)| {
                let entry = if n % 2 == 0 {
                    world.sell_about(*subject, 1, Act::Note)
                } else {
                    world.engrave_about(*subject, 1, Act::Note)
                };
                node.accept(entry)
            }))
            .await;
            for command in all {
                node.outcome(command).await;
            }
            for subject in subjects {
                assert_eq!(world.effects(subject).await, [1], "{}", world.kind());
            }
        }
        assert_eq!(world.script.handled.load(SeqCst), 180, "{}: nothing ran twice", world.kind());
    }
}

#[tokio::test]
async fn a_worker_without_hints_finds_the_work_by_polling() {
    for world in World::each().await {
        let node = world.node_with(Hints::lost(), 4).await;
        let first = node.accept(world.sell(Act::Note)).await;
        node.outcome(first).await;
        for _ in 0..2 {
            let begun = Instant::now();
            let command = node.accept(world.sell(Act::Note)).await;
            node.outcome(command).await;
            assert!(begun.elapsed() < Duration::from_secs(4), "{}: {:?}", world.kind(), begun.elapsed());
        }
    }
}

#[tokio::test]
async fn a_worker_without_hints_does_not_pause_between_two_batches() {
    for world in World::each().await {
        let mut node = world.idle_with(Hints::lost(), vec![crate::shop::shop(), crate::shop::depot()]).await;
        let all = join_all((0..60).map(|_| node.accept(world.sell(Act::Note)))).await;
        let begun = Instant::now();
        node.work(1).await;
        for command in all {
            node.outcome(command).await;
        }
        // Polling once a second for each would take a minute.
        assert!(begun.elapsed() < Duration::from_secs(40), "{}: {:?}", world.kind(), begun.elapsed());
    }
}

#[tokio::test]
async fn one_commit_sends_one_hint_and_on_a_shared_database_many_commits_share_hints() {
    for world in World::each().await {
        let hints = Hints::default();
        let node = world.idle_with(hints.clone(), vec![shop(), depot()]).await;
        let handed_out = || hints.handed_out.load(SeqCst);
        let begun = Instant::now();
        // They come in at least two batches: the second is queued while the first is committed.
        join_all((0..100).map(|_| node.accept(world.sell(Act::Note)))).await;
        let for_batches = handed_out();
        for _ in 0..20 {
            node.accept(world.sell(Act::Note)).await;
        }
        until("a hint is handed out", async || handed_out() > 0).await;
        if world.db.is_shared() {
            // At most one in 10 ms. The sweep may send one more hint.
            let (found, bound) = (u128::try_from(handed_out()).unwrap(), begun.elapsed().as_millis() / 10 + 2);
            assert!(found <= bound, "{found} hints, not {bound}");
        } else {
            assert!((1..50).contains(&for_batches), "{for_batches} hints for 100 commands that share commits");
            assert_eq!(handed_out(), for_batches + 20, "one for each of 20 commands that are committed alone");
        }
    }
}
