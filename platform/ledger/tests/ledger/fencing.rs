//! A worker whose lease has expired cannot commit. The work of the process that took over stays, once.

use crate::shop::Act;
use crate::world::{Hints, Running, World, id, until};
use futures::future::join_all;
use persistence::{Db, sql};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Starts another process that takes over the running rows. On PostgreSQL it does so because the lease expires, and
/// on SQLite because it is the only process when it starts.
async fn successor(world: &World) -> Running {
    let node = world.node_with(Hints::default(), 1).await;
    // The owner may renew the lease before another process sees that it expired.
    until("another process has claimed it", async || {
        world.expire_first_leases().await;
        world.number("select count(*) from ledger_messages where lease_epoch > 1").await == 1
    })
    .await;
    node
}

#[tokio::test]
async fn a_worker_that_is_stopped_while_it_prepares_cannot_commit_after_its_lease() {
    for world in World::each().await {
        let first = world.node_with(Hints::default(), 1).await;
        let subject = id();
        let command = first.accept(world.engrave_about(subject, 1, Act::StopOnce)).await;
        world.script.has_arrived().await;
        let second = successor(&world).await;
        world.until_status(command, "succeeded").await;
        let after = world.row(command).await;
        assert_eq!(after.epoch, 2, "{}", world.kind());

        world.script.pass.add_permits(1);
        // Its only slot is free again once the attempt has ended.
        drop(second);
        let next = first.accept(world.engrave(Act::Note)).await;
        first.outcome(next).await;
        assert_eq!(world.effects(subject).await, [1], "{}: once", world.kind());
        assert_eq!(world.row(command).await, after, "{}", world.kind());
        assert_eq!(world.script.handled.load(SeqCst), 2, "{}: the fence comes before the handler", world.kind());
    }
}

#[tokio::test]
async fn an_error_that_comes_after_the_lease_changes_nothing() {
    for world in World::each().await {
        let first = world.node_with(Hints::default(), 1).await;
        let command = first.accept(world.engrave(Act::StopOnce)).await;
        world.script.has_arrived().await;
        // The process that takes over does not stop at the gate.
        let second = successor(&world).await;
        world.until_status(command, "succeeded").await;
        drop(second);
        let after = world.row(command).await;
        // The table of the handler is gone, so the attempt would end in an error if the fence let it in.
        world.sql("alter table effects rename to gone").await;
        world.script.pass.add_permits(1);
        let next = first.accept(world.engrave(Act::Note)).await;
        until("the next one had its turn", async || world.row(next).await.attempts > 0).await;
        assert_eq!(world.row(command).await, after, "{}", world.kind());
    }
}

#[tokio::test]
async fn a_worker_that_is_stopped_inside_its_transaction_cannot_commit_when_postgresql_has_ended_it() {
    let Some(world) = World::postgres().await else { return };
    let first = world.node_with(Hints::default(), 1).await;
    let subject = id();
    let command = first.accept(world.sell_about(subject, 1, Act::StopOnce)).await;
    world.script.has_arrived().await;
    // Like `idle_in_transaction_session_timeout`.
    let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where datname = current_database() and state = 'idle in transaction' and pid <> pg_backend_pid()";
    // The node's own look at its queues may be between two statements, too.
    assert!(world.number(ended).await >= 1);
    let _second = successor(&world).await;
    world.until_status(command, "succeeded").await;
    let after = world.row(command).await;
    assert_eq!(after.epoch, 2);

    world.script.pass.add_permits(1);
    until("the first one's slot is free", async || {
        let next = first.accept(world.sell(Act::Note)).await;
        first.outcome(next).await;
        world.script.handled.load(SeqCst) > 4
    })
    .await;
    assert_eq!(world.effects(subject).await, [1], "once");
    assert_eq!(world.row(command).await, after);
}

#[tokio::test]
async fn no_other_process_takes_a_row_from_a_worker_inside_its_transaction() {
    for world in World::each().await {
        let node = world.node_with(Hints::default(), 2).await;
        let subject = id();
        let command = node.accept(world.sell_about(subject, 1, Act::StopOnce)).await;
        world.script.has_arrived().await;
        let beside = Db::open_unlocked(&world.test.url.parse().unwrap()).await.unwrap();
        let steal = async {
            let mut tx = beside.begin().await?;
            persistence::execute!(&mut tx, "set local lock_timeout = '200ms'").ok();
            let sql = "update ledger_messages set status = 'accepted' where id = $1";
            persistence::execute!(&mut tx, sql, command.as_uuid())
        };
        assert!(steal.await.is_err(), "{}", world.kind());
        world.script.pass.add_permits(1);
        node.outcome(command).await;
        assert_eq!(world.effects(subject).await, [1], "{}", world.kind());
        assert_eq!(world.row(command).await.epoch, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_often_leases_run_out_each_command_takes_effect_once() {
    for world in World::each().await {
        let mut nodes = vec![world.node().await];
        if world.db.is_shared() {
            nodes.push(world.node().await);
        }
        for round in 0..6 {
            let subjects: Vec<_> = (0..30).map(|_| id()).collect();
            let commands = join_all(subjects.iter().enumerate().map(|(n, subject)| {
                let act = if n % 3 == 0 { Act::Send { breaks: false } } else { Act::Note };
                let entry =
                    if n % 2 == 0 { world.sell_about(*subject, 1, act) } else { world.engrave_about(*subject, 1, act) };
                nodes[n % nodes.len()].accept(entry)
            }))
            .await;
            let storm = async {
                loop {
                    let past = sql!(
                        "update ledger_messages set lease_until = {now} - {1 min} where id in \
                         (select id from ledger_messages where status = 'running' {for update skip locked})"
                    );
                    let requeue_expired = "update ledger_messages set status = 'accepted', deaths = 0 where status = 'running' and lease_until < accepted_at";
                    world.sql(past).await;
                    world.sql(requeue_expired).await;
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
            };
            tokio::select! {
                _ = storm => {}
                () = tokio::time::sleep(Duration::from_millis(300)) => {}
            }
            for (n, command) in commands.iter().enumerate() {
                let done = nodes[0].outcome(*command).await;
                assert_eq!(done.status, ledger::Status::Succeeded, "{}", world.kind());
                let once = if n % 3 == 0 { vec![1, 1] } else { vec![1] };
                assert_eq!(world.effects(subjects[n]).await, once, "{} in round {round}", world.kind());
            }
        }
    }
}
