//! SIGTERM under load: requests are answered, running messages are finished, and no lease stays.

use acceptance::process::checker::broken_promises;
use acceptance::process::load::{Heard, Load};
use acceptance::process::stored::{self, Stored};
use acceptance::process::{Folder, Roster, postgres, until, uuid};
use acceptance::{Answer, Request};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;

const WAITING: usize = 30;

/// Starts clients that wait for the outcome of a slow sign-up, and collects their answers. A client sends its request
/// again if the server is overloaded.
fn waiting(at: SocketAddr) -> JoinSet<std::io::Result<Answer>> {
    let mut all = JoinSet::new();
    for _ in 0..WAITING {
        let body =
            json!({ "email": format!("{}@example.org", uuid().simple()), "password": "correct horse battery staple" });
        all.spawn(async move {
            loop {
                let answer = Request::post("/users", &body).wait(30).try_send(at).await?;
                if answer.status != 503 {
                    return Ok(answer);
                }
            }
        });
    }
    all
}

/// Stops these processes while clients wait, and starts them again.
async fn waiting_requests_are_answered_and_the_rest_is_done_after_the_restart(processes: Vec<Roster>, database: &str) {
    let mut running = Vec::new();
    for roster in &processes {
        running.push(roster.serve().await);
    }
    let db = stored::open(database).await;
    let requests = waiting(running[0].at());
    until(Duration::from_secs(60), "work under way", async || {
        let stored = Stored::read(&db).await;
        let commands = stored.rows.iter().filter(|row| row.id == row.root).count();
        (commands == WAITING && stored.count("running") > 0).then_some(())
    })
    .await;
    for process in &mut running {
        process.ask_to_end();
    }
    for process in running {
        let ended = process.end(Duration::from_secs(35)).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.took < Duration::from_secs(30), "{ended:?}");
    }
    let mut promised = Vec::new();
    for answer in requests.join_all().await {
        // Every client gets a complete answer.
        let answer = answer.unwrap();
        assert!(matches!(answer.status, 201 | 202), "{answer:?}");
        if answer.status == 202 {
            promised.push(answer.json()["id"].as_str().unwrap().to_owned());
        }
    }
    assert!(!promised.is_empty(), "it was over before it was stopped: this shows nothing");
    let stored = Stored::read(&db).await;
    assert_eq!(stored.count("running"), 0, "{stored:?}");
    assert!(stored.rows.iter().all(|row| !row.leased), "{stored:?}");
    let mut running = Vec::new();
    for roster in &processes {
        running.push(roster.clone().hashing_fast().serve().await);
    }
    for command in promised {
        let command = running[0].outcome(&command).await;
        assert_eq!(command["status"], "succeeded", "{command}");
    }
    assert_eq!(Stored::read(&db).await.users.len(), WAITING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_process_drains() {
    let folder = Folder::new();
    let roster = folder.roster(&[]).set("ROSTER_BCRYPT_COST", "13").set("ROSTER_LIMITS", "off");
    let database = format!("sqlite://{}/data/roster.db", folder.path().display());
    waiting_requests_are_answered_and_the_rest_is_done_after_the_restart(vec![roster], &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_and_a_worker_drain() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let roster = |role| {
        let roster = folder.roster(&["serve", "--role", role]).set("DATABASE_URL", &database);
        roster.set("ROSTER_BCRYPT_COST", "13").set("ROSTER_LIMITS", "off")
    };
    let processes = vec![roster("api"), roster("worker")];
    waiting_requests_are_answered_and_the_rest_is_done_after_the_restart(processes, &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_and_restarts_during_sign_ups_break_no_promise() {
    let folder = Folder::new();
    let roster = folder.roster(&[]).hashing_fast().on_a_fixed_port();
    let mut server = roster.serve().await;
    let load = Load::start(server.at(), 150, 12);
    for answered in [20, 60, 100] {
        load.reaches(answered).await;
        let ended = server.terminate().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        server = roster.serve().await;
    }
    let log = load.settle(Duration::from_secs(90)).await;
    // The process stops listening before it ends: it refuses connections, but cuts no answer short.
    let db = stored::open(&format!("sqlite://{}/data/roster.db", folder.path().display())).await;
    let broken = broken_promises(&log, &Stored::read(&db).await);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(
        log.iter().any(|it| it.heard.contains(&Heard::Nothing)),
        "no client lost an answer, so this test shows nothing"
    );
    assert!(!folder.printed().contains("that an earlier process had begun"), "nothing was left running");
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let folder = Folder::new();
    let mut server = folder.roster(&[]).set("ROSTER_BCRYPT_COST", "15").set("ROSTER_LIMITS", "off").serve().await;
    let requests = waiting(server.at());
    until(Duration::from_secs(20), "work under way", async || {
        let db = stored::open(&format!("sqlite://{}/data/roster.db", folder.path().display())).await;
        (Stored::read(&db).await.count("running") > 0).then_some(())
    })
    .await;
    server.ask_to_end();
    server.logs("\"status\":202").await;
    server.ask_to_end();
    let ended = server.end(Duration::from_secs(10)).await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    drop(requests);
}
