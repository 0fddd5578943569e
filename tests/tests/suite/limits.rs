//! Rate limits per address for costly requests and guesses. Instead of sleeping, the tests move the stored times.

use acceptance::{Answer, Node, Person, Request, World, in_each_idle_world, in_one_idle_world, in_one_world};
use kernel::MessageId;
use persistence::execute;
use std::time::Instant;
use uuid::Uuid;

in_each_idle_world! {
    one_address_registers_twenty_at_once_and_then_one_each_half_minute,
    one_command_that_is_sent_many_times_at_once_counts_once,
    an_id_that_is_taken_counts_since_it_answers_a_question,
    one_address_may_try_thirty_unknown_command_ids,
    behind_a_proxy_the_right_most_untrusted_hop_is_the_client,
    limits_that_are_off_leave_no_trace,
    when_the_counters_cannot_be_written_every_request_is_refused,
}

in_one_world! {
    behind_a_proxy_every_answer_has_the_hsts_header,
}

in_one_idle_world! {
    a_malformed_id_does_not_count_as_a_guess,
}

/// Moves all counters into the future by microseconds.
async fn shift(world: &World, by: i64) {
    let sql = (
        "update web_limits set empty_at = empty_at + $1 * interval '1 us'",
        "update web_limits set empty_at = empty_at + $1",
    );
    let mut tx = world.db.begin().await.unwrap();
    execute!(&mut tx, sql, by).unwrap();
    tx.commit().await.unwrap();
}

/// Simulates that this many seconds have passed.
async fn pass(world: &World, seconds: u64) {
    shift(world, -1_000_000 * i64::try_from(seconds).unwrap()).await;
}

/// Cancels the time that has passed since then, so that a slow machine changes nothing.
async fn no_time_since(world: &World, begun: Instant) {
    shift(world, i64::try_from(begun.elapsed().as_micros()).unwrap()).await;
}

fn person(n: usize) -> Request {
    Person::new(format!("person{n}@example.org")).sign_up()
}

/// The seconds in `Retry-After` of a refused request.
fn refused(answer: &Answer) -> u64 {
    assert_eq!((answer.status, answer.problem().as_str()), (429, "too_many_requests"), "{answer:?}");
    let wait = answer.header("retry-after").and_then(|it| it.parse().ok());
    wait.filter(|wait| *wait > 0).unwrap_or_else(|| panic!("when to come back: {answer:?}"))
}

/// ASVS 2.4.1
async fn one_address_registers_twenty_at_once_and_then_one_each_half_minute(world: &World) {
    world.leaves_work();
    let node = world.limited_node("").await;
    let begun = Instant::now();
    let key = MessageId::random().to_string();
    let keyed = || person(0).header("Idempotency-Key", &key);
    assert_eq!(node.send(&keyed()).await.status, 202);
    for _ in 0..5 {
        assert_eq!(
            node.send(&Person::new("no address").sign_up()).await.status,
            422,
            "malformed requests do not count"
        );
        assert_eq!(node.send(&keyed()).await.status, 202, "and so is the same again");
    }
    for n in 1..20 {
        assert_eq!(node.send(&person(n)).await.status, 202, "{n}");
    }
    no_time_since(world, begun).await;
    let wait = refused(&node.send(&person(20)).await);
    assert!(wait <= 31, "{wait}");
    for n in 0..5 {
        let forged = person(20).header("X-Forwarded-For", format!("203.0.113.{n}")).header("X-Real-IP", "1.2.3.4");
        assert!(refused(&node.send(&forged).await) <= wait, "a refusal takes nothing, a forged address gives nothing");
    }
    assert_eq!(node.send(&keyed()).await.status, 202, "a promise can still be asked for");
    let written = "select count(*) from ledger_messages";
    assert_eq!(world.count(written).await, 20);

    let begun = Instant::now();
    node.stop().await;
    let (node, other) = (world.limited_node("").await, world.limited_node("").await);
    no_time_since(world, begun).await;
    refused(&node.send(&person(20)).await);
    refused(&other.send(&person(20)).await);
    pass(world, wait).await;
    assert_eq!(node.send(&person(20)).await.status, 202, "a client that waits as Retry-After says is accepted");
    refused(&other.send(&person(21)).await);
    assert_eq!(world.count(written).await, 21);
    node.stop().await;
    other.stop().await;
}

async fn one_command_that_is_sent_many_times_at_once_counts_once(world: &World) {
    world.leaves_work();
    let (node, begun) = (world.limited_node("").await, Instant::now());
    let keyed = person(0).header("Idempotency-Key", MessageId::random().to_string());
    for answer in node.send_all(vec![keyed; 10]).await {
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    for n in 1..20 {
        assert_eq!(node.send(&person(n)).await.status, 202, "{n}");
    }
    no_time_since(world, begun).await;
    refused(&node.send(&person(20)).await);
    node.stop().await;
}

async fn an_id_that_is_taken_counts_since_it_answers_a_question(world: &World) {
    world.leaves_work();
    let node = world.limited_node("").await;
    let begun = Instant::now();
    let ada = Person::new("ada@example.org").with_id(identity::UserId::random().as_uuid());
    assert_eq!(node.send(&ada.sign_up()).await.status, 202);
    for _ in 1..20 {
        assert_eq!(node.send(&ada.sign_up()).await.problem(), "id_taken");
    }
    no_time_since(world, begun).await;
    refused(&node.send(&ada.sign_up()).await);
    node.stop().await;
}

async fn miss(node: &Node, n: u64, head: &[(&str, &str)]) -> Answer {
    let long_ago = uuid::Timestamp::from_unix(uuid::NoContext, 1_600_000_000, 0);
    let id = if n.is_multiple_of(2) { MessageId::random().as_uuid() } else { Uuid::new_v7(long_ago) };
    let events = if n.is_multiple_of(3) { "/events" } else { "" };
    let request = Request::get(format!("/commands/{id}{events}"));
    node.send(&head.iter().fold(request, |request, (name, value)| request.header(name, value))).await
}

async fn one_address_may_try_thirty_unknown_command_ids(world: &World) {
    world.leaves_work();
    let node = world.limited_node("").await;
    let accepted = node.send(&person(0)).await;
    for _ in 0..40 {
        node.command(&accepted).await;
    }
    let begun = Instant::now();
    for n in 0..30 {
        let answer = miss(&node, n, &[]).await;
        assert_eq!(answer.status, if n % 2 == 0 { 404 } else { 410 }, "{n}: {answer:?}");
    }
    no_time_since(world, begun).await;
    let wait = refused(&miss(&node, 0, &[]).await);
    assert!(wait <= 11, "{wait}");
    for n in 1..6 {
        assert!(refused(&miss(&node, n, &[]).await) <= wait, "a refusal takes nothing");
    }
    let location = accepted.header("location").unwrap();
    refused(&node.get(location).await);
    refused(&node.get(format!("{location}/events")).await);
    assert_eq!(node.get(format!("/users/{}", Uuid::nil())).await.status, 404, "other routes go on");
    pass(world, wait).await;
    node.command(&accepted).await;
    assert_eq!(miss(&node, 1, &[]).await.status, 410);
    refused(&miss(&node, 0, &[]).await);
    node.stop().await;
}

/// ASVS 4.1.3, 15.3.4
async fn behind_a_proxy_the_right_most_untrusted_hop_is_the_client(world: &World) {
    let node = world.limited_node("127.0.0.0/8, 10.0.0.0/8").await;
    let begun = Instant::now();
    for n in 0..30 {
        let hops = format!("203.0.113.{n}, 198.51.100.7, 10.0.0.{n}");
        assert_ne!(miss(&node, n, &[("X-Forwarded-For", &hops)]).await.status, 429, "{n}");
    }
    no_time_since(world, begun).await;
    refused(&miss(&node, 0, &[("X-Forwarded-For", "203.0.113.200, 198.51.100.7")]).await);
    refused(&miss(&node, 0, &[("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "198.51.100.7")]).await);
    assert_eq!(miss(&node, 0, &[("X-Forwarded-For", "198.51.100.7, 198.51.100.8")]).await.status, 404);
    let begun = Instant::now();
    for n in 0..30 {
        let hop = format!("2001:db8::{n}:1");
        assert_ne!(miss(&node, n, &[("X-Forwarded-For", &hop)]).await.status, 429, "{n}");
    }
    no_time_since(world, begun).await;
    refused(&miss(&node, 0, &[("X-Forwarded-For", "2001:db8::ffff:ffff:ffff:ffff")]).await);
    assert_eq!(miss(&node, 0, &[("X-Forwarded-For", "2001:db8:0:1::1")]).await.status, 404, "another /64");
    node.stop().await;
}

async fn limits_that_are_off_leave_no_trace(world: &World) {
    world.leaves_work();
    for n in 0..25 {
        assert_eq!(world.send(&person(n)).await.status, 202);
    }
    for n in 0..35 {
        assert_ne!(miss(world, n, &[]).await.status, 429);
    }
    assert_eq!(world.count("select count(*) from web_limits").await, 0);
}

async fn a_malformed_id_does_not_count_as_a_guess(world: &World) {
    let node = world.limited_node("").await;
    for n in 0..40 {
        assert_eq!(node.get(format!("/commands/{n}")).await.status, 404);
    }
    assert_eq!(world.count("select count(*) from web_limits").await, 0);
    node.stop().await;
}

/// ASVS 16.5.3
async fn when_the_counters_cannot_be_written_every_request_is_refused(world: &World) {
    world.leaves_work();
    let node = world.limited_node("").await;
    let accepted = node.send(&person(0)).await;
    let mut tx = world.db.begin().await.unwrap();
    execute!(&mut tx, "drop table web_limits").unwrap();
    tx.commit().await.unwrap();
    let (location, ada) = (accepted.header("location").unwrap(), Person::new("ada@example.org").json());
    for request in [Request::post("/users", &ada), Request::get(location), Request::get(format!("{location}/events"))] {
        let denied = request.try_send(node.address).await.unwrap();
        assert_eq!((denied.status, denied.json()["code"].as_str()), (503, Some("database_unavailable")), "{request:?}");
        assert!(denied.header("retry-after").is_some(), "{denied:?}");
    }
    assert_eq!(world.count("select count(*) from ledger_messages").await, 1);
    node.stop().await;
}

async fn behind_a_proxy_every_answer_has_the_hsts_header(world: &World) {
    let node = world.limited_node("127.0.0.1").await;
    for target in ["/health/live", "/users/me", "/nowhere"] {
        let answer = node.get(target).await;
        let expected = Some("max-age=63072000; includeSubDomains");
        assert_eq!(answer.header("strict-transport-security"), expected, "{target}");
        assert_eq!(world.get(target).await.header("strict-transport-security"), None, "{target}");
    }
    node.stop().await;
}
