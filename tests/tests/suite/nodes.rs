//! API and worker in separate processes.

use acceptance::{Person, Request, World, in_shared_worlds};
use identity::UserId;
use roster::compose::ProcessRole;
use std::time::Duration;
use tokio::time::Instant;

in_shared_worlds! {
    a_wait_in_one_process_ends_with_the_commit_of_another,
    an_api_accepts_without_a_worker_and_never_works_itself,
    two_workers_share_the_work_and_do_none_of_it_twice,
}

async fn a_wait_in_one_process_ends_with_the_commit_of_another(world: &World) {
    let api = world.another_node(ProcessRole::Api, world.keys()).await;
    let worker = world.another_node(ProcessRole::Worker, world.keys()).await;
    worker.work().await;
    for round in 0..3 {
        let person = Person::new(format!("ada{round}@example.org")).with_id(UserId::random().as_uuid());
        let begun = Instant::now();
        let signing_up = api.begin(person.sign_up().wait(30));
        let created = signing_up.await.unwrap();
        assert_eq!(created.status, 201, "{created:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "well before the time was over");
        let read = api.send(&Request::get(format!("/users/{}", person.id.unwrap())).wait(30)).await;
        assert_eq!((read.status, read.body), (200, created.body));
    }
    worker.stop().await;
    api.stop().await;
}

async fn an_api_accepts_without_a_worker_and_never_works_itself(world: &World) {
    let api = world.another_node(ProcessRole::Api, world.keys()).await;
    api.work().await;
    let accepted = api.send(&Person::new("ada@example.org").sign_up()).await;
    assert_eq!(api.send(&Person::new("eve@example.org").sign_up().wait(2)).await.status, 202);
    assert_eq!(api.command(&accepted).await["status"], "accepted", "it looks once a second when it works");
    let worker = world.another_node(ProcessRole::Worker, world.keys()).await;
    worker.work().await;
    assert_eq!(api.outcome(&accepted).await["status"], "succeeded");
    world.until("select count(*) from users_users", 2).await;
    worker.stop().await;
    api.stop().await;
    world.work().await;
}

async fn two_workers_share_the_work_and_do_none_of_it_twice(world: &World) {
    let people = (0..40).map(|n| Person::new(format!("person{n}@example.org")).sign_up());
    let accepted = world.send_all(people).await;
    let other = world.another_node(ProcessRole::Worker, world.keys()).await;
    other.work().await;
    world.work().await;
    for answer in &accepted {
        assert_eq!(world.outcome(answer).await["status"], "succeeded");
    }
    // Each claim increments the lease's epoch: every message was claimed once.
    assert_eq!(world.count("select count(*) from ledger_messages where context in ('users', 'auth')").await, 3 * 40);
    assert_eq!(world.count("select count(*) from ledger_messages where lease_epoch <> 1").await, 0);
    other.stop().await;
}
