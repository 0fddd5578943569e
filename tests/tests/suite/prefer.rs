//! `Prefer: wait=N`: a client can wait for the outcome instead of getting a 202.

use acceptance::{PATIENCE, Person, Request, World, in_each_idle_world, in_each_world, in_one_idle_world};
use identity::UserId;
use roster::compose::ProcessRole;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

in_each_world! {
    a_client_that_waits_gets_the_user,
    a_client_that_waits_learns_that_the_address_is_taken,
}

in_each_idle_world! {
    a_client_whose_wait_is_over_gets_a_202,
    a_user_who_is_being_registered_is_waited_for,
    a_wait_for_a_rejected_user_ends_at_once,
    an_existing_user_and_an_unknown_one_are_not_waited_for,
    a_stop_ends_every_wait_with_the_present_status,
}

in_one_idle_world! {
    a_preference_that_asks_for_no_wait_is_ignored,
    over_a_thousand_waits_the_next_is_answered_at_once,
}

fn an_id() -> Uuid {
    UserId::random().as_uuid()
}

async fn a_client_that_waits_gets_the_user(world: &World) {
    let person = Person::new("ada@example.org").called("Ada").with_id(an_id());
    let answer = world.send(&person.sign_up().wait(30)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("preference-applied"), Some("wait=30"));
    let href = format!("/users/{}", person.id.unwrap());
    assert_eq!(answer.header("location"), Some(href.as_str()));
    assert_eq!(answer.header("retry-after"), None);
    let user = world.get(href).await;
    assert_eq!((user.status, &user.body), (200, &answer.body));
    assert_eq!(user.header("etag"), answer.header("etag"));
    assert!(world.verify(&person.email, &person.password).await.is_some(), "after a 201 the user can sign in");
}

async fn a_client_that_waits_learns_that_the_address_is_taken(world: &World) {
    world.register(&Person::new("ada@example.org")).await;
    let answer = world.send(&Person::new("ada@example.org").sign_up().wait(30)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (409, "email_taken"), "{answer:?}");
    assert_eq!(answer.violations(), [("/email".to_owned(), "email_taken".to_owned())]);
    assert_eq!(answer.header("preference-applied"), Some("wait=30"));
    assert!(!answer.body.contains("ada@"), "the answer shows none of the input");
}

async fn a_client_whose_wait_is_over_gets_a_202(world: &World) {
    let begun = Instant::now();
    let answer = world.send(&Person::new("ada@example.org").sign_up().wait(1)).await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "it waited");
    assert_eq!((answer.status, &answer.json()["status"]), (202, &"accepted".into()), "{answer:?}");
    assert!(answer.header("location").unwrap().starts_with("/commands/"));
    assert!(answer.header("retry-after").is_some());
    world.work().await;
    assert_eq!(world.outcome(&answer).await["status"], "succeeded");
}

async fn a_preference_that_asks_for_no_wait_is_ignored(world: &World) {
    let values = ["wait=0", "wait=-1", "wait=soon", "wait", "wait=", "respond-async", "", ",;=,", "wait=1e3"];
    let people = values
        .iter()
        .zip(0..)
        .map(|(value, n)| Person::new(format!("person{n}@example.org")).sign_up().header("Prefer", value));
    // No worker runs, so a request that waited would never end.
    for answer in world.send_all(people).await {
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.header("preference-applied"), None);
    }
    world.work().await;
}

async fn a_user_who_is_being_registered_is_waited_for(world: &World) {
    let person = Person::new("ada@example.org").with_id(an_id());
    assert_eq!(world.send(&person.sign_up()).await.status, 202);
    let user = format!("/users/{}", person.id.unwrap());
    assert_eq!(world.get(&user).await.problem(), "not_found", "without a wait the answer is the present state");
    let begun = Instant::now();
    assert_eq!(world.send(&Request::get(&user).wait(1)).await.problem(), "not_found");
    assert!(begun.elapsed() >= Duration::from_secs(1), "it waited");
    let waiting = world.begin(Request::get(&user).wait(30));
    world.work().await;
    let answer = waiting.await.unwrap();
    assert_eq!((answer.status, &answer.json()["id"]), (200, &person.id.unwrap().to_string().into()), "{answer:?}");
}

async fn a_wait_for_a_rejected_user_ends_at_once(world: &World) {
    let first = world.another_node(ProcessRole::All, world.keys()).await;
    first.work().await;
    assert_eq!(first.send(&Person::new("ada@example.org").sign_up().wait(30)).await.status, 201);
    first.stop().await;
    let loser = Person::new("ada@example.org").with_id(an_id());
    let rejected = world.send(&loser.sign_up()).await;
    let waiting = world.begin(Request::get(format!("/users/{}", loser.id.unwrap())).wait(30));
    world.work().await;
    let begun = Instant::now();
    assert_eq!(waiting.await.unwrap().problem(), "not_found");
    assert!(begun.elapsed() < Duration::from_secs(25), "not for the whole time");
    assert_eq!(world.outcome(&rejected).await["error"]["code"], "email_taken");
}

async fn an_existing_user_and_an_unknown_one_are_not_waited_for(world: &World) {
    world.work().await;
    let id = world.register(&Person::new("ada@example.org")).await;
    let begun = Instant::now();
    let found = world.send(&Request::get(format!("/users/{id}")).wait(30)).await;
    assert_eq!((found.status, found.header("preference-applied")), (200, None), "{found:?}");
    assert_eq!(world.send(&Request::get(format!("/users/{}", an_id())).wait(30)).await.problem(), "not_found");
    assert!(begun.elapsed() < Duration::from_secs(25), "neither waited");
}

async fn over_a_thousand_waits_the_next_is_answered_at_once(world: &World) {
    let person = Person::new("ada@example.org").with_id(an_id());
    assert_eq!(world.send(&person.sign_up()).await.status, 202);
    let user = Request::get(format!("/users/{}", person.id.unwrap())).wait(30);
    let begun = Instant::now();
    let mut waits = JoinSet::new();
    for _ in 0..1_001 {
        let waiting = world.begin(user.clone());
        waits.spawn(async { waiting.await.unwrap() });
    }
    let first = waits.join_next().await.unwrap().unwrap();
    assert_eq!((first.status, first.header("preference-applied")), (404, None), "{first:?}");
    // A thousand others wait, so a sign-up gets its 202 at once.
    let other = world.send(&Person::new("eve@example.org").sign_up().wait(30)).await;
    assert_eq!((other.status, other.header("preference-applied")), (202, None), "{other:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "before the wait of any request was over");
    assert!(waits.try_join_next().is_none(), "the others wait");
    world.work().await;
    while let Some(answer) = waits.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
    }
    assert_eq!(world.send(&Person::new("zoe@example.org").sign_up().wait(30)).await.status, 201, "there is room again");
}

async fn a_stop_ends_every_wait_with_the_present_status(world: &World) {
    let person = Person::new("ada@example.org").with_id(an_id());
    let begun = Instant::now();
    let signing_up = world.begin(person.sign_up().wait(30));
    world.until("select count(*) from ledger_messages", 1).await;
    let reading = world.begin(Request::get(format!("/users/{}", person.id.unwrap())).wait(30));
    world.begin_stop().await;
    let answer = signing_up.await.unwrap();
    assert_eq!((answer.status, &answer.json()["status"]), (202, &"accepted".into()), "{answer:?}");
    assert_eq!(reading.await.unwrap().problem(), "not_found");
    assert!(begun.elapsed() < Duration::from_secs(25).min(PATIENCE), "well before the time was over");
    // Requests on open connections are still answered while connections drain.
    assert_eq!(world.send(&Person::new("eve@example.org").sign_up()).await.status, 202);
    world.leaves_work();
}
