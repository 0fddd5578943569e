//! The clock was ahead when rows were written, and has been corrected.

use crate::shop::Act;
use crate::world::{Hints, World, id, until};
use ledger::{Status, dead_letters};
use persistence::{execute, fetch_one, sql};

/// How far ahead the clock was, in seconds: an hour, two days, until about 2100.
const AHEAD: [i64; 3] = [3_600, 172_800, 2_350_000_000];

macro_rules! shift {
    ($column:literal) => {
        sql!(concat!("update ledger_messages set ", $column, " = ", $column, " + {$1 s}"))
    };
}
const ACCEPTED: (&str, &str) = shift!("accepted_at");
const NEXT_ATTEMPT: (&str, &str) = shift!("next_attempt_at");
const HINTED: (&str, &str) = shift!("hinted_at");
const LEASE: (&str, &str) = shift!("lease_until");
const FINISHED: (&str, &str) = shift!("finished_at");

/// Adds `seconds` to a column of all rows.
async fn shift(world: &World, column: (&'static str, &'static str), seconds: i64) {
    let mut tx = world.db.begin().await.unwrap();
    execute!(&mut tx, column, seconds).unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn commands_that_were_accepted_while_the_clock_was_ahead_are_done_now() {
    for seconds in AHEAD {
        for world in World::each().await {
            let mut node = world.idle().await;
            let subject = id();
            let first = node.accept(world.sell_about(subject, 1, Act::Note)).await;
            let second = node.accept(world.sell_about(subject, 2, Act::Note)).await;
            for column in [ACCEPTED, NEXT_ATTEMPT, HINTED] {
                shift(&world, column, seconds).await;
            }
            assert_eq!(dead_letters::ahead_of_the_clock(&world.db).await.unwrap(), 2, "{}", world.kind());
            let now = node.accept(world.sell(Act::Note)).await;
            node.work(4).await;
            for command in [first, second, now] {
                assert_eq!(node.outcome(command).await.status, Status::Succeeded, "{}: {seconds} s", world.kind());
            }
            assert_eq!(world.effects(subject).await, [1, 2], "{}: in order", world.kind());
        }
    }
}

#[tokio::test]
async fn a_retry_within_its_bound_is_waited_for() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let command = node.accept(world.sell(Act::Note)).await;
        shift(&world, NEXT_ATTEMPT, 290).await;
        let ahead = node.accept(world.sell(Act::Note)).await;
        let an_hour_ahead =
            sql!("update ledger_messages set next_attempt_at = next_attempt_at + {60 min} where id = $1");
        world.sql_on(ahead, an_hour_ahead).await;
        node.work(4).await;
        // By then the sweep has run.
        assert_eq!(node.outcome(ahead).await.status, Status::Succeeded);
        assert_eq!(world.row(command).await.status, "accepted", "{}", world.kind());
        assert_eq!(dead_letters::ahead_of_the_clock(&world.db).await.unwrap(), 0, "{}", world.kind());
    }
}

#[tokio::test]
async fn a_lease_that_would_last_for_years_runs_out() {
    for seconds in AHEAD {
        for world in World::each().await {
            let mut node = world.idle().await;
            let command = node.accept(world.sell(Act::Note)).await;
            let claimed = (
                "update ledger_messages set status = 'running', deaths = 1, lease_epoch = 1, lease_owner = gen_random_uuid(), lease_until = now()",
                "update ledger_messages set status = 'running', deaths = 1, lease_epoch = 1, lease_owner = randomblob(16), \
                 lease_until = cast(unixepoch('subsec') * 1000000 as integer)",
            );
            world.sql(claimed).await;
            shift(&world, LEASE, seconds).await;
            world.until_status(command, "accepted").await;
            node.work(4).await;
            assert_eq!(node.outcome(command).await.status, Status::Succeeded, "{}: {seconds} s", world.kind());
        }
    }
}

#[tokio::test]
async fn a_row_that_finished_ahead_of_the_clock_is_retained_from_now_on() {
    for world in World::each().await {
        let mut node = world.idle_with(Hints::default(), vec![crate::shop::shop(), crate::shop::depot()]).await;
        node.work(4).await;
        let command = node.accept(world.sell(Act::Note)).await;
        node.outcome(command).await;
        shift(&world, FINISHED, AHEAD[2]).await;
        let in_time =
            sql!("select count(*) from ledger_messages where finished_at <= {now} and finished_at > {now} - {60 min}");
        until("it has finished now", async || {
            let mut db = world.db.read().await.unwrap();
            fetch_one!(&mut db, (i64,), in_time).unwrap().0 == 1
        })
        .await;
        assert_eq!(node.ledger.command(command).await.unwrap().unwrap().status, Status::Succeeded);
    }
}
