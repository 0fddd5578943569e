//! An API process and a worker process.

use crate::{SOON, new_person, one_line};
use acceptance::process::load::Load;
use acceptance::process::{Folder, Roster, postgres, rabbitmq, until};
use std::time::Duration;

/// Tests an API process with a worker process. `share` gives both the same keys.
async fn api_and_worker_share_the_work(share: impl Fn(Roster) -> Roster, hints: &str) {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let roster = |role| share(folder.roster(&["serve", "--role", role]).set("DATABASE_URL", &database).hashing_fast());
    // Both start at the same time on an empty database without keys: either may be first.
    let (mut api, mut worker) = (roster("api").start(), roster("worker").start());
    tokio::join!(api.serves(), worker.serves());
    let (of_api, of_worker) = (api.stdout(), worker.stdout());
    assert!(of_api.contains(&format!("  hints    {hints}\n  role     api: needs a worker beside it\n")), "{of_api}");
    assert!(of_worker.starts_with("Roster works\n") && of_worker.ends_with("  role     worker\n"), "{of_worker}");
    assert!(!of_api.contains("roster:") && !of_api.contains('@'), "no user, no password: {of_api}");

    let created = api.sign_up(&[("prefer", "wait=20")], &new_person()).await;
    assert_eq!(created.status, 201, "the worker has executed it, and the API knows: {created:?}");
    assert_eq!(api.get(created.header("location").unwrap()).await.status, 200);
    for ended in [api.terminate().await, worker.terminate().await] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[tokio::test]
async fn an_api_and_a_worker_share_the_work_through_rabbitmq() {
    let Some(broker) = rabbitmq() else { return };
    api_and_worker_share_the_work(|roster| roster.set("AMQP_URL", &broker), "through RabbitMQ").await;
}

#[tokio::test]
async fn an_api_and_a_worker_share_the_work_without_a_broker() {
    api_and_worker_share_the_work(|roster| roster, "in process, and across processes by NOTIFY").await;
}

#[tokio::test]
async fn keys_may_come_from_a_file_that_roster_does_not_manage() {
    // Use the keys.json of any node.
    let elsewhere = Folder::new();
    drop(elsewhere.roster(&["serve"]).serve().await);
    let keys = elsewhere.path().join("data/keys.json");
    api_and_worker_share_the_work(
        |roster| roster.set("ROSTER_KEYS_FILE", &keys),
        "in process, and across processes by NOTIFY",
    )
    .await;
}

#[tokio::test]
async fn without_a_worker_an_api_accepts_commands_and_a_later_worker_executes_them() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let roster = |role| folder.roster(&["serve", "--role", role]).set("DATABASE_URL", &database).hashing_fast();
    let api = roster("api").serve().await;
    let accepted = api.sign_up(&[("prefer", "wait=1")], &new_person()).await;
    assert_eq!((accepted.status, &accepted.json()["status"]), (202, &"accepted".into()), "{accepted:?}");
    let _worker = roster("worker").serve().await;
    let command = api.outcome(accepted.json()["id"].as_str().unwrap()).await;
    assert_eq!(command["status"], "succeeded", "{command}");
}

#[tokio::test]
async fn an_unreachable_broker_is_logged_and_delays_no_sign_up() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let unreachable = format!("amqp://tester:canary@127.0.0.1:{}/%2f", acceptance::process::free_port());
    let server =
        folder.roster(&[]).set("DATABASE_URL", &database).set("AMQP_URL", unreachable).hashing_fast().serve().await;
    // A database that is busy with other tests may take longer than the timeout of a probe.
    let ready =
        until(SOON, "readiness", async || Some(server.get("/health/ready").await).filter(|it| it.status == 200));
    let ready = ready.await.json();
    assert_eq!((&ready["status"], &ready["checks"]["broker"]), (&"degraded".into(), &"degraded".into()), "{ready}");
    assert_eq!(server.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201);
    let load = Load::start(server.at(), 40, 8);
    for person in load.settle(Duration::from_secs(60)).await {
        assert_eq!(person.accepted().count(), 1, "{person:?}");
    }
    let log = server.stderr();
    assert!(log.lines().any(|line| line.contains("\"WARN\"") && line.to_lowercase().contains("broker")), "{log}");
    assert!(!log.contains("canary"), "{log}");
    let ended = server.terminate().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn sqlite_serves_one_process() {
    let folder = Folder::new();
    for role in ["api", "worker"] {
        let refused = folder.roster(&["serve", "--role", role]).run(SOON).await;
        assert!(one_line(&refused).contains("set DATABASE_URL=postgres://"), "{refused:?}");
    }
    let refused = folder.roster(&[]).set("AMQP_URL", "amqp://u:canary@localhost").run(SOON).await;
    let line = one_line(&refused);
    assert!(line.contains("AMQP_URL needs PostgreSQL") && !line.contains("canary"), "{line}");
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_lowers_the_priority_of_its_process_and_of_the_session_that_it_leads() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let worker = folder.roster(&["serve", "--role", "worker"]).set("DATABASE_URL", &database).hashing_fast();
    let worker = worker.under(&["setsid"]).serve().await;
    let of_worker = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", worker.id()));
    let stat = of_worker("stat").unwrap();
    // proc_pid_stat(5): the niceness is the 19th field, and the 17th after the name, which may contain anything.
    assert_eq!(stat.rsplit_once(") ").unwrap().1.split(' ').nth(16), Some("10"), "{stat}");
    // Not every kernel has autogroups.
    if let Ok(session) = of_worker("autogroup") {
        assert!(session.ends_with(" nice 10\n"), "{session}");
    }
}
