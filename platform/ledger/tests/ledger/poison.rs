//! A message that crashes its process is found, and innocent messages beside it do not fail.

use crate::shop::Act;
use crate::world::{World, id, until};
use ledger::Status;
use persistence::sql;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Longer than the polling interval of a worker: every message that may run by then runs.
const A_LOOK: Duration = Duration::from_millis(1_300);

#[tokio::test]
async fn a_message_that_crashed_two_processes_runs_alone() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let beside = node.accept(world.engrave(Act::StopAtTheGate)).await;
        node.work(4).await;
        world.script.has_arrived().await;
        let suspect = kernel::MessageId::random();
        let subject = id();
        let payload = serde_json::to_string(&world.job(subject, 0, Act::StopAtTheGate)).unwrap();
        let mut tx = world.db.begin().await.unwrap();
        let sql = "insert into ledger_messages (id, root, context, lane, name, subject, principal, deaths, payload) \
             values ($1, $1, 'shop', 'slow', 'shop.engrave.v1', $2, 'ada', 2, $3)";
        persistence::execute!(&mut tx, sql, suspect.as_uuid(), subject, payload).unwrap();
        tx.commit().await.unwrap();
        until("it is claimed", async || world.row(suspect).await.deaths == 3).await;
        // Not to synchronise: this is the time to see that nothing happens.
        tokio::time::sleep(A_LOOK).await;
        assert_eq!(world.script.prepared.load(SeqCst), 1, "{}: it waits until the other has ended", world.kind());
        world.script.pass.add_permits(1);
        node.outcome(beside).await;

        world.script.has_arrived().await;
        let later = [node.accept(world.sell(Act::Note)).await, node.accept(world.engrave(Act::Note)).await];
        // Not to synchronise: this is the time to see that nothing happens.
        tokio::time::sleep(A_LOOK).await;
        assert_eq!(world.script.handled.load(SeqCst), 1, "{}: nothing runs beside the suspect", world.kind());
        assert_eq!(world.script.prepared.load(SeqCst), 2, "{}: nothing is prepared either", world.kind());
        world.script.pass.add_permits(1);
        assert_eq!(node.outcome(suspect).await.status, Status::Succeeded);
        assert_eq!(world.row(suspect).await.deaths, 0, "it has ended: it is no suspect any more");
        for command in later {
            assert_eq!(node.outcome(command).await.status, Status::Succeeded);
        }
    }
}

#[tokio::test]
async fn messages_that_wait_while_a_suspect_runs_alone_do_not_share_its_crash() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let suspect = node.accept(world.engrave(Act::StopAtTheGate)).await;
        let innocents = [
            node.accept(world.engrave(Act::Note)).await,
            node.accept(world.sell(Act::Note)).await,
            node.accept(world.sell(Act::Note)).await,
        ];
        // All of them ran beside it whenever the process crashed.
        world.sql("update ledger_messages set deaths = 4").await;
        let oldest = sql!(
            "update ledger_messages set accepted_at = accepted_at - {60 min}, next_attempt_at = next_attempt_at - {60 min} where id = $1"
        );
        world.sql_on(suspect, oldest).await;
        node.work(4).await;
        world.script.has_arrived().await;
        // If the process were killed now, the next one would find this.
        assert_eq!(world.row(suspect).await.deaths, 5, "{}", world.kind());
        for innocent in innocents {
            let row = world.row(innocent).await;
            assert!(row.deaths <= 4, "{}: {row:?}", world.kind());
        }
        world.script.pass.add_permits(1);
        for command in innocents.into_iter().chain([suspect]) {
            assert_eq!(node.outcome(command).await.status, Status::Succeeded, "{}", world.kind());
            assert_eq!(world.row(command).await.deaths, 0);
        }
    }
}

#[tokio::test]
async fn a_message_that_crashed_three_processes_alone_becomes_a_dead_letter() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let subject = id();
        let poison = node.accept(world.sell_about(subject, 1, Act::Note)).await;
        let suspect = node.accept(world.sell(Act::Note)).await;
        world.sql_on(poison, "update ledger_messages set deaths = 5 where id = $1").await;
        world.sql_on(suspect, "update ledger_messages set deaths = 4 where id = $1").await;
        node.work(4).await;
        let done = node.outcome(poison).await;
        assert_eq!(done.status, Status::Failed, "{}", world.kind());
        assert_eq!(done.error.unwrap().code, "poison");
        assert!(world.row(poison).await.payload.is_some());
        assert!(world.effects(subject).await.is_empty(), "it did not run");
        assert_eq!(node.outcome(suspect).await.status, Status::Succeeded, "one more crash was allowed");
    }
}
