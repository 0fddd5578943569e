//! Accepting: one durable commit, shared by commands that come together.

use crate::lossy::Lossy;
use crate::shop::{Act, Deliver, Job};
use crate::world::{World, id, until};
use futures::future::join_all;
use kernel::MessageId;
use ledger::{AcceptError, Accepted, IdempotencyScope, NewCommand};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;
use use_case::{CommandFailure, Message};
use uuid::Uuid;

/// Counts the commits that wrote rows of the ledger. No worker may run meanwhile.
async fn commits(world: &World) -> i64 {
    if world.db.is_shared() {
        return world.number("select count(distinct xmin::text) from ledger_messages").await;
    }
    // The frames of the write-ahead log that end a transaction (sqlite.org/fileformat2, section 4.1).
    let path = world.test.url.strip_prefix("sqlite://").unwrap();
    let log = std::fs::read(format!("{path}-wal")).unwrap();
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let page = usize::try_from(word(8)).unwrap();
    let ends = (32..log.len()).step_by(24 + page).filter(|at| word(at + 4) != 0 && word(at + 8) == word(16));
    i64::try_from(ends.count()).unwrap()
}

#[tokio::test]
async fn a_command_is_written_executed_once_and_its_payload_erased() {
    for world in World::each().await {
        let subject = id();
        let mut node = world.idle().await;
        let command = node.accept(world.sell_about(subject, 7, Act::Note)).await;
        let row = world.row(command).await;
        assert_eq!((row.status.as_str(), row.attempts, row.deaths), ("accepted", 0, 0), "{}", world.kind());
        assert!(row.payload.unwrap().contains(&subject.to_string()));
        assert_eq!(node.ledger.command(command).await.unwrap().unwrap().status, ledger::Status::Accepted);

        node.work(4).await;
        let done = node.outcome(command).await;
        assert_eq!(done.status, ledger::Status::Succeeded);
        assert_eq!(
            (done.id, done.name.as_str(), done.subject, done.principal.as_str()),
            (command, "shop.sell.v1", subject, "ada")
        );
        assert!(done.finished_at.unwrap() >= done.accepted_at && done.error.is_none() && done.follow_ups.is_empty());
        let row = world.row(command).await;
        assert_eq!((row.status.as_str(), row.payload, row.attempts, row.deaths), ("succeeded", None, 0, 0));
        assert_eq!(world.effects(subject).await, [7]);
        assert_eq!(world.sql_on(command, "update ledger_messages set lane = lane where id = $1 and lease_owner is null and lease_until is null").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_come_together_share_their_commits() {
    for world in World::each().await {
        let node = world.idle().await;
        let before = commits(&world).await;
        let entries: Vec<_> = (0..200).map(|_| world.sell(Act::Note)).collect();
        let answers = join_all(entries.into_iter().map(|entry| node.ledger.accept(entry))).await;
        let ids: HashSet<_> = answers
            .into_iter()
            .map(|answer| match answer.unwrap() {
                Accepted::New(id, _) => id.as_uuid(),
                Accepted::Duplicate(id) => panic!("{id} is new"),
            })
            .collect();
        assert_eq!(ids.len(), 200);
        assert_eq!(world.number("select count(*) from ledger_messages").await, 200);
        let commits = commits(&world).await - before;
        assert!((1..=20).contains(&commits), "{}: {commits} commits for 200 commands", world.kind());
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_written_harms_no_neighbour() {
    for world in World::each().await {
        let node = world.idle().await;
        let taken = node.accept(world.sell(Act::Note)).await;
        let entry = |n: usize| {
            let message = crate::shop::Sell(world.job(id(), 0, Act::Note));
            match n {
                7 => NewCommand::new(taken, &message, "ada"),
                // PostgreSQL cannot store NUL.
                13 if world.db.is_shared() => NewCommand::new(MessageId::random(), &message, "a\0da"),
                _ => NewCommand::new(MessageId::random(), &message, "ada"),
            }
        };
        let answers = join_all((0..40).map(|n| node.ledger.accept(entry(n)))).await;
        for (n, answer) in answers.into_iter().enumerate() {
            let bad = n == 7 || (n == 13 && world.db.is_shared());
            match answer {
                Ok(Accepted::New(..)) => assert!(!bad, "{}: {n}", world.kind()),
                Err(AcceptError::Unavailable(_)) => assert!(bad, "{}: {n}", world.kind()),
                other => panic!("{}: {n}: {other:?}", world.kind()),
            }
        }
        let good = if world.db.is_shared() { 38 } else { 39 };
        assert_eq!(world.number("select count(*) from ledger_messages").await, 1 + good, "{}", world.kind());
    }
}

#[tokio::test]
async fn a_command_that_was_written_when_the_connection_was_lost_is_accepted_and_executed_once() {
    let key = || IdempotencyScope { route: "sales", key: "once".into(), fingerprint: "of what".into() };
    for once in [None, Some(key())] {
        let Some(mut world) = World::postgres().await else { return };
        let lossy = Lossy::before(&world.test.url).await;
        world.test.url.clone_from(&lossy.url);
        let mut node = world.idle().await;
        // This prepares the statement, whose first run takes another round trip.
        node.accept(world.sell(Act::Note)).await;
        let subject = id();
        lossy.lose_the_answer_to(&subject.to_string());
        let command = node.accept(world.sell_about(subject, 1, Act::Note).idempotent(once)).await;
        assert!(lossy.has_lost());
        assert_eq!(world.number("select count(*) from ledger_messages").await, 2);
        node.work(4).await;
        assert_eq!(node.outcome(command).await.status, ledger::Status::Succeeded);
        assert_eq!(world.effects(subject).await, [1]);
    }
}

#[tokio::test]
async fn a_command_that_comes_while_the_database_restarts_waits_for_it() {
    let Some(mut world) = World::postgres().await else { return };
    let mut lossy = Lossy::before(&world.test.url).await;
    world.test.url.clone_from(&lossy.url);
    let node = world.idle().await;
    node.accept(world.sell(Act::Note)).await;
    lossy.go().await;
    let mut waits = Box::pin(node.accept(world.sell(Act::Note)));
    assert!(timeout(Duration::from_millis(300), &mut waits).await.is_err(), "it is not refused at once");
    lossy.come_back().await;
    let command = waits.await;
    assert_eq!(world.row(command).await.status, "accepted");
}

#[tokio::test]
async fn commands_are_accepted_again_once_the_database_is_back() {
    let Some(world) = World::postgres().await else { return };
    let node = world.idle().await;
    for _ in 0..3 {
        node.accept(world.sell(Act::Note)).await;
        // Like a restart.
        let cut = "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()";
        world.sql((cut, "")).await;
    }
    node.accept(world.sell(Act::Note)).await;
}

#[tokio::test]
async fn a_request_that_is_cancelled_cancels_neither_the_commit_nor_its_neighbours() {
    for world in World::each().await {
        let node = world.node().await;
        let subject = id();
        let entry = world.sell_about(subject, 1, Act::Note);
        let mut cancelled = Box::pin(node.ledger.accept(entry));
        std::future::poll_fn(|context| {
            assert!(cancelled.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(cancelled);
        let neighbour = node.accept(world.sell(Act::Note)).await;
        node.outcome(neighbour).await;
        until("the cancelled one is done, too", async || world.effects(subject).await == [1]).await;
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Unheard(Job);

impl Message for Unheard {
    const NAME: &'static str = "shop.unheard_of.v1";
    type Failure = CommandFailure;
    fn subject(&self) -> Uuid {
        self.0.subject
    }
}

#[tokio::test]
async fn other_writers_do_not_delay_accepting_on_postgresql() {
    for world in World::each().await.into_iter().filter(|world| world.db.is_shared()) {
        let node = world.idle().await;
        let mut crowd = Vec::new();
        while let Ok(one) = timeout(Duration::from_millis(500), node.db.begin()).await {
            crowd.push(one.unwrap());
        }
        // A command that waited for one of their connections would fail after five seconds.
        node.accept(world.sell(Act::Note)).await;
    }
}

#[tokio::test]
async fn a_command_without_a_handler_is_not_accepted() {
    for world in World::each().await {
        let node = world.idle().await;
        let entry = NewCommand::new(MessageId::random(), &Unheard(world.job(id(), 0, Act::Note)), "ada");
        assert!(matches!(node.ledger.accept(entry).await, Err(AcceptError::NoHandler("shop.unheard_of.v1"))));
        let entry = NewCommand::new(MessageId::random(), &Deliver(world.job(id(), 0, Act::Note)), "ada");
        assert!(node.ledger.accept(entry).await.is_ok(), "any context's messages may be accepted");
        assert_eq!(world.number("select count(*) from ledger_messages").await, 1);
    }
}

#[tokio::test]
async fn without_a_database_nothing_is_accepted_and_no_request_waits_for_ever() {
    let Some(world) = World::postgres().await else { return };
    let node = world.idle().await;
    node.accept(world.sell(Act::Note)).await;
    let (_, name) = world.test.url.rsplit_once('/').unwrap();
    let name = name.to_owned();
    world.db.close().await;
    let mut admin = admin().await;
    // Like a shutdown: new connections are refused, and open ones are cut.
    say(&mut admin, &format!("alter database {name} allow_connections false")).await;
    say(&mut admin, &format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")).await;
    let answers = join_all((0..20).map(|_| node.ledger.accept(world.sell(Act::Note)))).await;
    for answer in answers {
        assert!(matches!(answer, Err(AcceptError::Unavailable(_))), "{answer:?}");
    }
    say(&mut admin, &format!("alter database {name} allow_connections true")).await;
    until("it accepts again by itself", async || node.ledger.accept(world.sell(Act::Note)).await.is_ok()).await;
}

pub(crate) async fn admin() -> persistence::sqlx::PgConnection {
    use persistence::sqlx::Connection as _;
    persistence::sqlx::PgConnection::connect(&std::env::var("TEST_DATABASE_URL").unwrap()).await.unwrap()
}

pub(crate) async fn say(admin: &mut persistence::sqlx::PgConnection, sql: &str) {
    persistence::sqlx::query(persistence::sqlx::AssertSqlSafe(sql.to_owned())).execute(admin).await.unwrap();
}
