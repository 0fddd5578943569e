//! A refresh token that is used twice within a moment, by two tabs or after a lost answer.

use acceptance::{Person, Request, SignedIn, World, in_each_database};
use serde_json::json;
use std::time::Duration;

in_each_database! {
    fifty_refreshes_at_once_get_the_same_successor,
    a_token_whose_successor_has_been_used_ends_the_session_within_the_grace_too,
    after_the_grace_and_without_one_a_used_token_ends_the_session,
    expired_sessions_are_deleted_without_a_sign_in,
    one_address_may_try_thirty_unknown_refresh_tokens_and_then_causes_no_writes,
}

/// A grace far longer than a test takes.
const GRACE: Duration = Duration::from_secs(60);
const LIVE: &str = "select count(*) from auth_sessions where ended_at is null";

fn ada() -> Person {
    Person::new("ada@example.org")
}

/// Simulates that this many seconds have passed since each token was used.
async fn pass(world: &World, seconds: i64) {
    let postgres = format!("update auth_refresh_tokens set used_at = used_at - interval '{seconds} s'");
    let sqlite = format!("update auth_refresh_tokens set used_at = used_at - {seconds} * 1000000");
    world.run((&*postgres.leak(), &*sqlite.leak())).await;
}

async fn fifty_refreshes_at_once_get_the_same_successor(world: &World) {
    let first = world.member(&ada()).await;
    let node = world.lenient_node(GRACE).await;
    for _ in 0..5 {
        let session = world.sign_in(first.user, &ada()).await;
        let answers = node.send_all((0..50).map(|_| session.refreshing())).await;
        let given: Vec<_> = answers.iter().map(|answer| SignedIn::of(first.user, answer)).collect();
        assert!(given.iter().all(|it| it.refresh == given[0].refresh && it.refresh != session.refresh));
        assert!(node.knows(&given[49]).await);
        _ = SignedIn::of(first.user, &node.send(&given[7].refreshing()).await);
    }
    node.stop().await;
}

async fn a_token_whose_successor_has_been_used_ends_the_session_within_the_grace_too(world: &World) {
    let first = world.member(&ada()).await;
    let node = world.lenient_node(GRACE).await;
    let second = SignedIn::of(first.user, &node.send(&first.refreshing()).await);
    assert_eq!(SignedIn::of(first.user, &node.send(&first.refreshing()).await).refresh, second.refresh);
    let third = SignedIn::of(first.user, &node.send(&second.refreshing()).await);
    assert_eq!(world.count("select count(*) from auth_refresh_tokens where sealed_successor is not null").await, 1);
    assert_eq!(node.send(&first.refreshing()).await.problem(), "invalid_refresh_token");
    assert_eq!(node.send(&third.refreshing()).await.problem(), "invalid_refresh_token", "the session has ended");
    assert_eq!(world.count(LIVE).await, 0);
    assert_eq!(world.count("select count(*) from auth_refresh_tokens").await, 0, "its tokens went with it");
    node.stop().await;
}

async fn after_the_grace_and_without_one_a_used_token_ends_the_session(world: &World) {
    let node = world.lenient_node(Duration::from_secs(10)).await;
    let late = world.member(&ada()).await;
    let next = SignedIn::of(late.user, &node.send(&late.refreshing()).await);
    pass(world, 11).await;
    assert_eq!(node.send(&late.refreshing()).await.problem(), "invalid_refresh_token");
    assert!(!world.knows(&next).await);

    let off = world.sign_in(late.user, &ada()).await;
    _ = SignedIn::of(late.user, &world.send(&off.refreshing()).await);
    assert_eq!(world.count("select count(*) from auth_refresh_tokens where sealed_successor is not null").await, 0);
    assert_eq!(node.send(&off.refreshing()).await.problem(), "invalid_refresh_token", "nothing was kept");
    assert_eq!(world.count(LIVE).await, 0);

    let ahead = world.sign_in(late.user, &ada()).await;
    _ = SignedIn::of(late.user, &node.send(&ahead.refreshing()).await);
    pass(world, -3_600).await;
    assert_eq!(node.send(&ahead.refreshing()).await.problem(), "invalid_refresh_token", "a clock that was ahead");
    node.stop().await;
}

async fn expired_sessions_are_deleted_without_a_sign_in(world: &World) {
    let node = world.lenient_node(GRACE).await;
    let here = world.member(&ada()).await;
    _ = SignedIn::of(here.user, &node.send(&here.refreshing()).await);
    let over = world.sign_in(here.user, &ada()).await;
    _ = SignedIn::of(here.user, &node.send(&over.refreshing()).await);
    pass(world, 61).await;
    let (postgres, sqlite) = (
        format!("update auth_sessions set expires_at = now() - interval '1 s' where id = '{}'", over.session),
        format!("update auth_sessions set expires_at = 1 where id = x'{}'", over.session.simple()),
    );
    world.run((&*postgres.leak(), &*sqlite.leak())).await;
    auth_infrastructure::tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count("select count(*) from auth_sessions").await, 1);
    assert_eq!(world.count("select count(*) from auth_refresh_tokens").await, 2, "those of the live session stay");
    assert_eq!(world.count("select count(*) from auth_refresh_tokens where sealed_successor is not null").await, 0);
    node.stop().await;
}

async fn one_address_may_try_thirty_unknown_refresh_tokens_and_then_causes_no_writes(world: &World) {
    let ada = world.member(&ada()).await;
    let node = world.limited_node("127.0.0.1").await;
    let refresh = |token: &str| Request::post("/auth/refresh", &json!({ "refresh_token": token }));
    for n in 0..30 {
        let answer = node.send(&refresh(&format!("rr_{n:043}"))).await;
        assert_eq!(answer.problem(), "invalid_refresh_token", "number {n}");
    }
    let over = node.send(&refresh(&format!("rr_{:043}", 99))).await;
    assert_eq!((over.status, over.problem().as_str()), (429, "too_many_requests"));
    assert!(over.header("retry-after").is_some());
    assert_eq!(node.send(&ada.refreshing()).await.status, 200, "a good one from there is not held up by it");
    node.stop().await;
}
