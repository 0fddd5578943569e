//! Open connections to PostgreSQL and RabbitMQ that go silent: the peer reads what is sent and never answers.

use crate::new_person;
use acceptance::process::relay::Relay;
use acceptance::process::{Folder, Roster, Server, postgres, rabbitmq, until};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long recovery may take, on a machine that is busy with other tests.
const SECONDS: Duration = Duration::from_secs(25);
const TIME_TO_STOP: Duration = Duration::from_secs(30);
const REPLACED: &str = "the connections to PostgreSQL are replaced";

fn serving(folder: &Folder, url: &str, arguments: &[&str]) -> Roster {
    folder.roster(arguments).hashing_fast().set("ROSTER_LIMITS", "off").set("DATABASE_URL", url)
}

/// Registers a person who can sign in. Afterwards all kinds of connections are open.
async fn person(server: &Server) -> Value {
    let person = new_person();
    for body in [&new_person(), &new_person(), &person] {
        assert_eq!(server.sign_up(&[("prefer", "wait=30")], body).await.status, 201);
    }
    assert_eq!(sign_in(server, &person).await, 200);
    person
}

async fn sign_in(server: &Server, person: &Value) -> u16 {
    server.sign_in(person["email"].as_str().unwrap(), person["password"].as_str().unwrap()).await.status
}

async fn back(since: Instant, what: &'static str, mut look: impl AsyncFnMut() -> bool) -> (&'static str, Duration) {
    until(SECONDS * 4, what, async || look().await.then_some(())).await;
    (what, since.elapsed())
}

/// Waits until everything works again, and returns how long each part took.
async fn all_back(server: &Server, person: &Value) -> Vec<(&'static str, Duration)> {
    let now = Instant::now();
    let unknown = "/commands/0190d729-f972-4f9a-a2f3-1bf8e16f0034";
    let (read, signed_in, signed_up, ready) = tokio::join!(
        back(now, "read", async || server.get(unknown).await.status == 404),
        back(now, "sign-in", async || sign_in(server, person).await == 200),
        back(now, "sign-up", async || { server.sign_up(&[("prefer", "wait=30")], &new_person()).await.status == 201 }),
        back(now, "readiness", async || server.get("/health/ready").await.status == 200),
    );
    vec![read, signed_in, signed_up, ready]
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_open_connections_go_silent_everything_works_again_within_seconds() {
    let Some(database) = postgres().await else { return };
    let (relay, url) = Relay::before(&database).await;
    let folder = Folder::new();
    let server = serving(&folder, &url, &[]).serve().await;
    let person = person(&server).await;
    for _ in 0..2 {
        relay.silence_what_is_open();
        let back = all_back(&server, &person).await;
        assert!(back.iter().all(|(_, after)| *after < SECONDS), "{back:?}");
    }
    server.logs(REPLACED).await;
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_connections_go_silent_works_again_within_seconds_and_says_so() {
    let Some(database) = postgres().await else { return };
    let (relay, url) = Relay::before(&database).await;
    let (at_api, at_worker) = (Folder::new(), Folder::new());
    let api = serving(&at_api, &database, &["serve", "--role", "api"]).serve().await;
    let keys = at_api.path().join("data/keys.json");
    let worker = serving(&at_worker, &url, &["serve", "--role", "worker"]).set("ROSTER_KEYS_FILE", &keys).serve().await;
    assert_eq!(api.sign_up(&[("prefer", "wait=30")], &new_person()).await.status, 201);
    relay.silence_what_is_open();
    let begun = Instant::now();
    let accepted = api.sign_up(&[], &new_person()).await;
    assert_eq!(accepted.status, 202);
    let done = api.outcome(accepted.json()["id"].as_str().unwrap()).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    // If the answer to a claim was lost, its lease has to expire first.
    assert!(begun.elapsed() < SECONDS + Duration::from_secs(15), "{:?}", begun.elapsed());
    // A connection that opened after the others went silent may have done the work. The silent ones are used later.
    worker.logs(REPLACED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_database_is_silent_ends_in_time_in_every_role() {
    for role in ["all", "api", "worker"] {
        let Some(database) = postgres().await else { return };
        let (relay, url) = Relay::before(&database).await;
        let folder = Folder::new();
        let server = serving(&folder, &url, &["serve", "--role", role]).serve().await;
        if role == "all" {
            assert_eq!(server.sign_up(&[("prefer", "wait=30")], &new_person()).await.status, 201);
        }
        relay.silence_everything();
        let begun = Instant::now();
        let ended = server.terminate().await;
        assert!(begun.elapsed() < TIME_TO_STOP, "{role}: {ended:?}");
        assert_eq!(ended.code, Some(0), "{role}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_rabbitmq_goes_silent_commands_are_executed_hints_come_back_and_the_process_ends_in_time() {
    let (Some(database), Some(broker)) = (postgres().await, rabbitmq()) else { return };
    let (relay, url) = Relay::before(&broker).await;
    let folder = Folder::new();
    let server = serving(&folder, &database, &[]).set("AMQP_URL", &url).serve().await;
    let is_ok = async || (server.get("/health/ready").await.json()["checks"]["broker"] == "ok").then_some(());
    until(SECONDS, "broker", is_ok).await;
    relay.silence_what_is_open();
    let before = relay.connections();
    assert_eq!(server.sign_up(&[("prefer", "wait=30")], &new_person()).await.status, 201);
    until(SECONDS, "new connection", async || (relay.connections() >= before + 2).then_some(())).await;
    until(SECONDS, "broker", is_ok).await;
    relay.silence_everything();
    let begun = Instant::now();
    let ended = server.terminate().await;
    assert!(ended.code == Some(0) && begun.elapsed() < TIME_TO_STOP, "{ended:?}");
}
