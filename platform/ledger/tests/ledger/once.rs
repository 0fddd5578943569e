//! The same key is the same command.

use crate::shop::Act;
use crate::world::{World, id};
use futures::future::join_all;
use ledger::{AcceptError, Accepted, IdempotencyScope, NewCommand};
use std::collections::HashSet;

fn once(key: &str, fingerprint: &str) -> IdempotencyScope {
    IdempotencyScope { route: "POST /sales", key: key.to_owned(), fingerprint: fingerprint.to_owned() }
}

fn with(world: &World, once: IdempotencyScope) -> NewCommand {
    world.sell(Act::Note).idempotent(Some(once))
}

#[tokio::test]
async fn the_same_key_for_the_same_request_is_the_same_command() {
    for world in World::each().await {
        let node = world.idle().await;
        let first = node.accept(with(&world, once("k", "f"))).await;
        for _ in 0..3 {
            let again = node.ledger.accept(with(&world, once("k", "f"))).await.unwrap();
            assert_eq!(again, Accepted::Duplicate(first), "{}", world.kind());
        }
        assert_eq!(node.ledger.before("ada", &once("k", "f")).await.unwrap(), Some(first));
        assert_eq!(world.number("select count(*) from ledger_messages").await, 1);
    }
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused() {
    for world in World::each().await {
        let node = world.idle().await;
        node.accept(with(&world, once("k", "f"))).await;
        let refused = node.ledger.accept(with(&world, once("k", "g"))).await;
        assert!(matches!(refused, Err(AcceptError::KeyReused)), "{}: {refused:?}", world.kind());
        assert!(matches!(node.ledger.before("ada", &once("k", "g")).await, Err(AcceptError::KeyReused)));
        assert_eq!(world.number("select count(*) from ledger_messages").await, 1);
    }
}

#[tokio::test]
async fn keys_are_separate_for_each_principal_and_each_route() {
    for world in World::each().await {
        let node = world.idle().await;
        node.accept(with(&world, once("k", "f"))).await;
        let message = crate::shop::Sell(world.job(id(), 0, Act::Note));
        let grace = NewCommand::new(kernel::MessageId::random(), &message, "grace").idempotent(Some(once("k", "g")));
        node.accept(grace).await;
        node.accept(with(&world, IdempotencyScope { route: "POST /returns", ..once("k", "h") })).await;
        node.accept(world.sell(Act::Note)).await;
        node.accept(world.sell(Act::Note)).await;
        assert_eq!(node.ledger.before("grace", &once("other", "f")).await.unwrap(), None);
        assert_eq!(world.number("select count(*) from ledger_messages").await, 5, "{}", world.kind());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_with_one_key_at_once_one_is_the_command() {
    for world in World::each().await {
        let node = world.node().await;
        // On PostgreSQL two processes race.
        let other = if world.db.is_shared() { world.node().await } else { world.idle().await };
        for round in 0..20 {
            let key = format!("key {round}");
            let all = (0..24).map(|n| {
                let ledger = if n % 2 == 0 { &node.ledger } else { &other.ledger };
                ledger.accept(with(&world, once(&key, "f")))
            });
            let answers: Vec<_> = join_all(all).await.into_iter().map(|answer| answer.unwrap()).collect();
            let new: Vec<_> = answers.iter().filter(|answer| matches!(answer, Accepted::New(..))).collect();
            assert_eq!(new.len(), 1, "{} in round {round}: {answers:?}", world.kind());
            let ids: HashSet<_> = answers
                .iter()
                .map(|answer| match answer {
                    Accepted::New(id, _) | Accepted::Duplicate(id) => id.as_uuid(),
                })
                .collect();
            assert_eq!(ids.len(), 1, "{} in round {round}: one command", world.kind());
        }
        assert_eq!(world.number("select count(*) from ledger_messages").await, 20, "{}", world.kind());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_are_sent_the_same_keys_in_another_order_do_not_block_each_other() {
    let Some(world) = World::postgres().await else { return };
    let (one, other) = (world.idle().await, world.idle().await);
    for round in 0..20 {
        let sent = |turned: bool| {
            let mut entries: Vec<_> = (0..60)
                .map(|n| {
                    let message = crate::shop::Sell(world.job(id(), 0, Act::Note));
                    let principal = format!("principal {}", n % 7);
                    NewCommand::new(kernel::MessageId::random(), &message, principal)
                        .idempotent(Some(once(&format!("{round} {}", n / 7), "f")))
                })
                .collect();
            if turned {
                entries.reverse();
            }
            entries
        };
        let (a, b) = (sent(false), sent(true));
        let answers = tokio::join!(
            join_all(a.into_iter().map(|entry| one.ledger.accept(entry))),
            join_all(b.into_iter().map(|entry| other.ledger.accept(entry))),
        );
        for answer in answers.0.into_iter().chain(answers.1) {
            answer.unwrap();
        }
    }
    assert_eq!(world.number("select count(*) from ledger_messages").await, 20 * 60);
    let deadlocks =
        "select coalesce(sum(deadlocks), 0)::bigint from pg_stat_database where datname = current_database()";
    assert_eq!(world.number(deadlocks).await, 0);
}
