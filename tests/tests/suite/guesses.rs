//! Guessing passwords is limited by account and by client address, for any spelling, over all nodes.

use acceptance::{Answer, Person, Request, World, in_each_database};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Instant;

in_each_database! {
    ten_wrong_passwords_are_checked_in_total_on_all_nodes,
    an_unknown_address_is_limited_like_a_known_one,
    of_many_concurrent_wrong_passwords_ten_are_checked,
    one_address_may_guess_fifty_times_over_all_accounts,
    right_passwords_do_not_count,
    guesses_with_a_stolen_session_count_like_those_at_a_sign_in,
    the_limits_do_not_reveal_the_right_password_of_a_deactivated_account,
    the_answer_does_not_reveal_from_which_addresses_a_user_signs_in,
    an_owner_who_keeps_to_retry_after_gets_in_beside_a_stranger_who_asks_all_the_time,
    all_addresses_of_a_network_together_keep_the_owner_out_for_five_minutes_at_most,
}

/// The address of the tests' proxy.
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

async fn ten_wrong_passwords_are_checked_in_total_on_all_nodes(world: &World) {
    let person = ada();
    world.member(&person).await;
    let one = world.limited_node(PROXY).await;
    for n in 0..10 {
        let spelled = Person::new(["ada@example.org", "ADA@Example.org"][n % 2]).with_password("wrong all the same");
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
}

async fn an_unknown_address_is_limited_like_a_known_one(world: &World) {
    let node = world.limited_node(PROXY).await;
    let unknown = Person::new("unknown@example.org").login();
    for n in 0..10 {
        let answer = node.send(&from(&format!("203.0.113.{n}"), unknown.clone())).await;
        assert_eq!(answer.problem(), "wrong_credentials");
    }
    assert!(is_limited(&node.send(&from("203.0.113.99", unknown)).await));
    node.stop().await;
}

async fn of_many_concurrent_wrong_passwords_ten_are_checked(world: &World) {
    world.member(&ada()).await;
    let node = world.limited_node(PROXY).await;
    // Each from a network of its own. A client that gets "overloaded" tries again with its reserved guess.
    let answers = node.send_all((0..40).map(|n| from(&format!("203.0.{n}.1"), wrong()))).await;
    assert_eq!(statuses(&answers), [(401, 10), (429, 30)].into());
    node.stop().await;
}

async fn one_address_may_guess_fifty_times_over_all_accounts(world: &World) {
    let node = world.limited_node(PROXY).await;
    let begun = Instant::now();
    let guess = |n: u32| from("203.0.113.7", Person::new(format!("p{n}@example.org")).login());
    let answers = node.send_all((0..60).map(guess)).await;
    let statuses = statuses(&answers);
    assert_eq!(statuses.get(&401).copied().unwrap_or_default() + statuses.get(&429).copied().unwrap_or_default(), 60);
    let regained = usize::try_from(begun.elapsed().as_secs() / 20).unwrap() + 1;
    assert!((50..=50 + regained).contains(&statuses[&401]), "one more each 20 s: {statuses:?}");
    let other = node.send(&from("203.0.113.8", Person::new("p99@example.org").login())).await;
    assert_eq!(other.problem(), "wrong_credentials");
    node.stop().await;
}

async fn right_passwords_do_not_count(world: &World) {
    world.member(&ada()).await;
    let node = world.limited_node(PROXY).await;
    for n in 0..15 {
        let answer = node.send(&from(&format!("203.0.113.{n}"), ada().login())).await;
        assert_eq!(answer.status, 200, "number {n}: {answer:?}");
    }
    node.stop().await;
}

async fn guesses_with_a_stolen_session_count_like_those_at_a_sign_in(world: &World) {
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
}

/// Simulates that this many seconds have passed for every counter.
async fn pass(world: &World, seconds: i64) {
    let postgres = format!("update web_limits set empty_at = empty_at - interval '{seconds} s'");
    let sqlite = format!("update web_limits set empty_at = empty_at - {seconds} * 1000000");
    world.run((&*postgres.leak(), &*sqlite.leak())).await;
}

async fn the_limits_do_not_reveal_the_right_password_of_a_deactivated_account(world: &World) {
    let (off, other) = (Person::new("off@example.org"), Person::new("other@example.org"));
    let admin = world.administrator("admin@example.org").await;
    for person in [&off, &other] {
        let member = world.member(person).await;
        world.deactivate(&member, &admin).await;
    }
    let node = world.limited_node(PROXY).await;
    let mut seen = Vec::new();
    for (address, attempt) in [("203.0.113.7", off.clone()), ("198.51.100.7", other.with_password("this one is wrong"))]
    {
        let mut statuses = Vec::new();
        for _ in 0..14 {
            statuses.push(node.send(&from(address, attempt.login())).await.status);
        }
        seen.push(statuses);
    }
    assert_eq!(seen[0], [[401; 10].as_slice(), &[429; 4]].concat());
    assert_eq!(seen[0], seen[1]);
    assert_eq!(node.send(&off.login()).await.status, 429, "nor from where its owner was signed in");
    node.stop().await;
}

async fn the_answer_does_not_reveal_from_which_addresses_a_user_signs_in(world: &World) {
    world.member(&ada()).await;
    let node = world.limited_node(PROXY).await;
    for n in 0..10 {
        assert_eq!(node.send(&from(&format!("203.0.113.{n}"), wrong())).await.status, 401);
    }
    for _ in 0..3 {
        let (known, unknown) = (node.send(&wrong()).await, node.send(&from("192.0.2.9", wrong())).await);
        assert!(is_limited(&known) && is_limited(&unknown), "{known:?} {unknown:?}");
    }
    let elsewhere = node.send(&from("192.0.2.9", ada().login())).await;
    assert!(is_limited(&elsewhere), "the right one, too: {elsewhere:?}");
    assert_eq!(node.send(&ada().login()).await.status, 200, "the owner is not locked out at a known address");
    for n in 0..60 {
        assert_eq!(node.send(&wrong()).await.status, 429, "number {n}");
    }
    assert!(is_limited(&node.send(&ada().login()).await), "ten guesses and not more are compared there");
    node.stop().await;
}

/// After how many minutes the owner signs in from a new address. The owner waits as `Retry-After` says, while strangers
/// from these addresses guess all the time.
async fn minutes_beside(world: &World, strangers: &[String], owner: &str) -> u32 {
    let node = world.limited_node(PROXY).await;
    let mut minutes = 0;
    loop {
        for stranger in strangers {
            for _ in 0..(20 / strangers.len()).max(2) {
                node.send(&from(stranger, wrong())).await;
            }
        }
        let answer = node.send(&from(owner, ada().login())).await;
        if answer.status == 200 {
            break;
        }
        assert!(is_limited(&answer), "{answer:?}");
        assert!(minutes < 10, "the owner never gets in");
        minutes += 1;
        pass(world, 60).await;
    }
    node.stop().await;
    minutes
}

async fn an_owner_who_keeps_to_retry_after_gets_in_beside_a_stranger_who_asks_all_the_time(world: &World) {
    world.member(&ada()).await;
    let minutes = minutes_beside(world, &["203.0.113.7".to_owned()], "203.0.113.8").await;
    assert!(minutes <= 2, "{minutes}");
}

async fn all_addresses_of_a_network_together_keep_the_owner_out_for_five_minutes_at_most(world: &World) {
    world.member(&ada()).await;
    let strangers: Vec<_> = (0..30).map(|n| format!("2001:db8:7:{n:x}::1")).collect();
    let minutes = minutes_beside(world, &strangers, "2001:db8:8::1").await;
    assert!(minutes <= 5, "{minutes}");
}
