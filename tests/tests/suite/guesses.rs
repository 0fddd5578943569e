//! Guessing at passwords: slowed down by account and by address, whatever the spelling, on all nodes at once.

use acceptance::{Answer, Person, Request, in_each_world};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Instant;

/// What the tests' proxy says.
const PROXY: &str = "127.0.0.1";

fn ada() -> Person {
    Person::new("ada@example.org")
}

fn wrong() -> Request {
    ada().with_password("another password, which is wrong").login()
}

fn from(address: &str, request: Request) -> Request {
    request.header("X-Forwarded-For", address)
}

fn statuses(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.status).or_default() += 1;
    }
    counts
}

fn is_limited(answer: &Answer) -> bool {
    answer.status == 429
        && answer.problem() == "too_many_requests"
        && answer.header("retry-after").and_then(|it| it.parse().ok()).is_some_and(|it: u64| (1..=60).contains(&it))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_passwords_are_looked_at_however_they_come_and_on_whichever_node() {
    in_each_world(async |world| {
        let person = ada();
        world.member(&person).await;
        let one = world.limited_node(PROXY).await;
        for n in 0..10 {
            let spelled =
                Person::new(["ada@example.org", "ADA@Example.org"][n % 2]).with_password("wrong all the same");
            let answer = one.send(&from(&format!("203.0.113.{n}"), spelled.login())).await;
            assert_eq!(answer.problem(), "wrong_credentials", "number {n}");
        }
        let mut nodes = vec![one];
        if world.is_shared() {
            nodes.push(world.limited_node(PROXY).await);
        }
        for node in &nodes {
            for request in [wrong(), person.login(), Person::new("Ada@EXAMPLE.org").login()] {
                let answer = node.send(&from("203.0.113.99", request)).await;
                assert!(is_limited(&answer), "even the right one, from a stranger's address: {answer:?}");
            }
        }
        let home = nodes[0].send(&person.login()).await;
        assert_eq!(home.status, 200, "from where she has been signed in, she is not locked out: {home:?}");
        for node in nodes {
            node.stop().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_limited_like_a_known_one() {
    in_each_world(async |world| {
        let node = world.limited_node(PROXY).await;
        let nobody = Person::new("nobody@example.org").login();
        for n in 0..10 {
            let answer = node.send(&from(&format!("203.0.113.{n}"), nobody.clone())).await;
            assert_eq!(answer.problem(), "wrong_credentials");
        }
        assert!(is_limited(&node.send(&from("203.0.113.99", nobody)).await));
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_wrong_passwords_at_once_ten_are_looked_at() {
    in_each_world(async |world| {
        world.member(&ada()).await;
        let node = world.limited_node(PROXY).await;
        let answers = node.send_all((0..40).map(|n| from(&format!("203.0.113.{n}"), wrong()))).await;
        assert_eq!(statuses(&answers), [(401, 10), (429, 30)].into());
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_guesses_fifty_times_whatever_it_guesses_at() {
    in_each_world(async |world| {
        let node = world.limited_node(PROXY).await;
        let begun = Instant::now();
        let guess = |n: u32| from("203.0.113.7", Person::new(format!("p{n}@example.org")).login());
        let answers = node.send_all((0..60).map(guess)).await;
        let statuses = statuses(&answers);
        assert_eq!(
            statuses.get(&401).copied().unwrap_or_default() + statuses.get(&429).copied().unwrap_or_default(),
            60
        );
        let regained = usize::try_from(begun.elapsed().as_secs() / 20).unwrap() + 1;
        assert!((50..=50 + regained).contains(&statuses[&401]), "one more each 20 s: {statuses:?}");
        let other = node.send(&from("203.0.113.8", Person::new("p99@example.org").login())).await;
        assert_eq!(other.problem(), "wrong_credentials");
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_do_not_count() {
    in_each_world(async |world| {
        world.member(&ada()).await;
        let node = world.limited_node(PROXY).await;
        for n in 0..15 {
            let answer = node.send(&from(&format!("203.0.113.{n}"), ada().login())).await;
            assert_eq!(answer.status, 200, "number {n}: {answer:?}");
        }
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_guesses_at_the_password_no_oftener_than_anybody() {
    in_each_world(async |world| {
        let ada = world.member(&ada()).await;
        let node = world.limited_node(PROXY).await;
        let body =
            json!({ "current_password": "another password, which is wrong", "new_password": "noch drei blaue Würfel" });
        let guess = || from("203.0.113.7", Request::post("/auth/password", &body).by(&ada));
        for _ in 0..10 {
            assert_eq!(node.send(&guess()).await.status, 422);
        }
        assert!(is_limited(&node.send(&guess()).await));
        assert!(is_limited(&node.send(&from("203.0.113.8", wrong())).await), "and the count is the one of signing in");
        node.stop().await;
    })
    .await;
}
