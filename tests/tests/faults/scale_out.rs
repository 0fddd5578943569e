//! Kills API processes, workers and the broker, on PostgreSQL and RabbitMQ.

use crate::broker::Broker;
use crate::verdict::all_promises_kept;
use acceptance::process::canary::{in_files, in_postgres, now_in_postgres};
use acceptance::process::load::{Heard, Load};
use acceptance::process::stored::{self, Stored};
use acceptance::process::{Folder, Server, postgres, rabbitmq_program, until};
use persistence::Db;
use std::time::Duration;

const PEOPLE: usize = 200;
/// How long to wait: a broker starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// An API process and two workers that share a folder, a database and a broker.
pub(crate) struct Installation {
    pub(crate) api: Server,
    pub(crate) workers: [Server; 2],
    pub(crate) broker: Broker,
    pub(crate) db: Db,
    since: String,
    pub(crate) folder: Folder,
}

impl Installation {
    /// Starts all of them; `None` if tests run without servers.
    async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// Starts all of them with further settings.
    pub(crate) async fn start_with(settings: &[(&str, String)]) -> Option<Self> {
        let (database, program) = (postgres().await?, rabbitmq_program()?);
        let mut broker = Broker::new(&program);
        broker.start();
        let folder = Folder::new();
        let roster = |role| {
            let roster = folder.roster(&["serve", "--role", role]).hashing_fast().on_a_fixed_port();
            let roster = roster.set("DATABASE_URL", &database).set("AMQP_URL", broker.url());
            settings.iter().fold(roster, |roster, (name, value)| roster.set(name, value))
        };
        // Start all at the same time: they agree on the schema and on the keys.
        let (mut api, mut one, mut other) = (roster("api").start(), roster("worker").start(), roster("worker").start());
        tokio::join!(api.serves(), one.serves(), other.serves());
        let db = stored::open(&database).await;
        let since = now_in_postgres(&db).await;
        let installation = Self { api, workers: [one, other], broker, db, since, folder };
        installation.hints_go_through().await;
        Some(installation)
    }

    pub(crate) async fn hints_go_through(&self) {
        until(PATIENCE, "connection to the broker", async || {
            (self.api.get("/health/ready").await.json()["status"] == "ok").then_some(())
        })
        .await;
    }

    /// Waits until there is work that a kill can interrupt.
    async fn works(&self) {
        until(PATIENCE, "work under way", async || (Stored::read(&self.db).await.count("running") > 0).then_some(()))
            .await;
    }

    async fn no_password_is_written(&self, canary: &str) {
        let (person, password) = (format!("@{canary}.example"), format!("{canary} umbrella"));
        assert!(!in_postgres(&self.db, &self.since, &person).await.is_empty(), "addresses are found");
        assert_eq!(in_postgres(&self.db, &self.since, &password).await, [] as [String; 0]);
        for word in [&person, &password] {
            assert_eq!(in_files(self.folder.path(), word), [] as [String; 0], "not in a log");
            assert_eq!(in_files(self.broker.home.path(), word), [] as [String; 0], "not in the broker");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_workers_loses_and_doubles_no_sign_up() {
    let Some(mut it) = Installation::start().await else { return };
    let load = Load::start(it.api.at(), PEOPLE, 16);
    for (round, answered) in [20, 50, 80, 110, 140, 170].into_iter().enumerate() {
        load.reaches(answered).await;
        it.works().await;
        it.workers[round % 2].kill_9_and_restart().await;
    }
    let canary = load.canary().to_owned();
    all_promises_kept("kill -9 of workers", vec![load], &it.db, PEOPLE).await;
    assert!(it.folder.printed().contains("leases expired"), "no kill hit a message");
    it.no_password_is_written(&canary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_api_in_mid_request_loses_and_doubles_no_sign_up() {
    let Some(mut it) = Installation::start().await else { return };
    let load = Load::start(it.api.at(), PEOPLE, 32);
    for answered in [20, 60, 100, 140, 180] {
        load.reaches(answered).await;
        it.api.kill_9_and_restart().await;
    }
    let canary = load.canary().to_owned();
    let log = all_promises_kept("kill -9 of the API", vec![load], &it.db, PEOPLE).await;
    assert!(log.iter().any(|it| it.heard.contains(&Heard::Nothing)), "no kill hit a request");
    it.no_password_is_written(&canary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_broker_loses_and_doubles_no_sign_up() {
    let Some(mut it) = Installation::start().await else { return };
    let mut loads = Vec::new();
    for _ in 0..2 {
        let load = Load::start(it.api.at(), PEOPLE / 2, 8);
        load.reaches(20).await;
        it.works().await;
        it.broker.kill();
        // Without the broker, commands are still accepted and executed.
        load.reaches(60).await;
        it.broker.start();
        it.hints_go_through().await;
        loads.push(load);
    }
    let canaries: Vec<_> = loads.iter().map(|load| load.canary().to_owned()).collect();
    let log = all_promises_kept("kill -9 of RabbitMQ", loads, &it.db, PEOPLE).await;
    assert!(!log.iter().any(|it| it.heard.contains(&Heard::Nothing)), "no client noticed");
    for canary in canaries {
        it.no_password_is_written(&canary).await;
    }
}
