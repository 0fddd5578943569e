//! A PostgreSQL that is read-only after a failover, has too few connections, or cannot be written to.

use crate::{SOON, databases, new_person, on};
use acceptance::Request;
use acceptance::process::own_postgres::OwnPostgres;
use acceptance::process::{Folder, Server, postgres, stored, until};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long recovery may take, on a machine that is busy with other tests.
const SECONDS: Duration = Duration::from_secs(20);

async fn signs_up(server: &Server) -> Option<Value> {
    let person = new_person();
    (server.sign_up(&[("prefer", "wait=20")], &person).await.status == 201).then_some(person)
}

async fn signs_in(server: &Server, person: &Value) -> Option<()> {
    let answer = server.sign_in(person["email"].as_str().unwrap(), person["password"].as_str().unwrap()).await;
    (answer.status == 200).then_some(())
}

async fn ready(server: &Server) -> u16 {
    server.get("/health/ready").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_with_old_read_only_connections_people_sign_up_and_in_without_a_restart() {
    let Some(database) = OwnPostgres::start(&[]).await else { return };
    let folder = Folder::new();
    let url = database.url();
    let server = on(&folder, Some(&url), &[]).set("ROSTER_LIMITS", "off").serve().await;
    let person = until(SOON, "sign-up", async || signs_up(&server).await).await;
    until(SOON, "sign-in", async || signs_in(&server, &person).await).await;

    // Open sessions become read-only; new ones work as before.
    database.run("alter database roster set default_transaction_read_only = off").await;
    database.run("alter system set default_transaction_read_only = on").await;
    database.run("select pg_reload_conf()").await;
    let begun = Instant::now();
    let (_, ()) = tokio::join!(
        until(SECONDS, "sign-up", async || signs_up(&server).await),
        until(SECONDS, "sign-in", async || signs_in(&server, &person).await),
    );
    assert!(begun.elapsed() < SECONDS, "{:?}", begun.elapsed());
    assert_eq!(ready(&server).await, 200);

    // The same, but new sessions are read-only, too.
    database.run("alter database roster reset default_transaction_read_only").await;
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = 'roster' and pid <> pg_backend_pid()";
    database.run(end).await;
    until(SECONDS, "503", async || (ready(&server).await == 503).then_some(())).await;
    let refused = server.sign_up(&[], &new_person()).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    database.run("alter system reset default_transaction_read_only").await;
    database.run("select pg_reload_conf()").await;
    until(SECONDS, "readiness", async || (ready(&server).await == 200).then_some(())).await;
    until(SECONDS, "sign-up", async || signs_up(&server).await).await;
    until(SECONDS, "sign-in", async || signs_in(&server, &person).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_fails_while_the_database_cannot_be_written_to() {
    for database in databases().await {
        let folder = Folder::new();
        let server = on(&folder, database.as_ref(), &[]).serve().await;
        assert_eq!(ready(&server).await, 200);
        let url = database.clone().unwrap_or_else(|| format!("sqlite://{}/data/roster.db", folder.path().display()));
        let beside = stored::open(&url).await;
        let mut holding = beside.begin().await.unwrap();
        // On SQLite an open write transaction blocks the others.
        if database.is_some() {
            persistence::execute!(&mut holding, "lock table web_limits in exclusive mode").unwrap();
        }
        until(SECONDS, "503", async || (ready(&server).await == 503).then_some(())).await;
        let report = server.get("/health/ready").await.json();
        assert_eq!(report["checks"]["database"], "down", "{report}");
        drop(holding);
        until(SECONDS, "readiness", async || (ready(&server).await == 200).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readiness_requests_cost_one_check_a_second() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let server = on(&folder, Some(&database), &[]).serve().await;
    let db = stored::open(&database).await;
    let mut tx = db.begin().await.unwrap();
    for sql in [
        "create table written ()",
        "create function count_it() returns trigger language plpgsql as $$ begin insert into written default values; return new; end $$",
        "create trigger count_it after insert or update on web_limits for each row execute function count_it()",
    ] {
        persistence::execute!(&mut tx, sql).unwrap();
    }
    tx.commit().await.unwrap();
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let at = server.at();
        asking.spawn(async move {
            for _ in 0..25 {
                let answer = Request::get("/health/ready").try_send(at).await.unwrap();
                assert_eq!(answer.status, 200);
            }
        });
    }
    asking.join_all().await;
    let looks = i64::try_from(begun.elapsed().as_secs()).unwrap() + 2;
    let written =
        persistence::fetch_one!(&mut db.read().await.unwrap(), (i64,), "select count(*) from written").unwrap().0;
    assert!((1..=looks).contains(&written), "{written} writes, {looks} looks");
}

/// The URL of the same database for a role with this connection limit.
async fn as_a_role_with(connections: u32, database: &str) -> String {
    let db = stored::open(database).await;
    let mut tx = db.begin().await.unwrap();
    let role = "do $$ begin execute format('create role %I login password %L connection limit %s', \
         current_database() || '_few', 'few', current_setting('roster.connections')); \
         execute format('alter database %I owner to %I', current_database(), current_database() || '_few'); end $$";
    persistence::execute!(&mut tx, "select set_config('roster.connections', $1, true)", connections.to_string())
        .unwrap();
    persistence::execute!(&mut tx, role).unwrap();
    tx.commit().await.unwrap();
    let (_, rest) = database.rsplit_once('@').unwrap();
    let (_, name) = rest.split_once('/').unwrap();
    format!("postgres://{name}_few:few@{rest}")
}

/// Forty clients sign up at the same time, and all succeed. Returns how long that took.
async fn forty_sign_up(server: &Server) -> Duration {
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..40 {
        let (at, body) = (server.at(), new_person());
        all.spawn(async move { Request::post("/users", &body).try_send(at).await.unwrap() });
    }
    for accepted in all.join_all().await {
        assert_eq!(accepted.status, 202, "{accepted:?}");
        let command = server.outcome(accepted.json()["id"].as_str().unwrap()).await;
        assert_eq!(command["status"], "succeeded", "{command}");
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_ten_connections_serves_as_quickly_as_it_can() {
    let Some(database) = postgres().await else { return };
    let url = as_a_role_with(10, &database).await;
    let folder = Folder::new();
    // Both run at the same time, so that the load of the machine affects both.
    let (with_enough, another) = (Folder::new(), postgres().await);
    let server = on(&with_enough, another.as_ref(), &[]).serve().await;
    let usual = forty_sign_up(&server).await;
    server.terminate().await;
    let server = on(&folder, Some(&url), &[]).serve().await;
    let took = forty_sign_up(&server).await;
    assert!(took < usual * 3 + Duration::from_secs(10), "{took:?} with few, {usual:?} with enough");
    assert_eq!(ready(&server).await, 200);
    server.terminate().await;
    let checked = on(&folder, Some(&url), &["check"]).set("ROSTER_LIMITS", "off").run(SOON).await;
    assert!(
        checked.stdout.contains("FAIL connections") && checked.stdout.contains("ROSTER_DB_CONNECTIONS"),
        "{checked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_opens_no_more_connections_than_configured() {
    let Some(database) = postgres().await else { return };
    let url = as_a_role_with(5, &database).await;
    let folder = Folder::new();
    let roster = on(&folder, Some(&url), &[]).set("ROSTER_LIMITS", "off").set("ROSTER_DB_CONNECTIONS", "5");
    let server = roster.serve().await;
    forty_sign_up(&server).await;
    let log = server.stderr();
    assert!(!log.contains("too many connections"), "{log}");
    let db = stored::open(&database).await;
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and usename = current_database() || '_few'";
    let (open,) = persistence::fetch_one!(&mut db.read().await.unwrap(), (i64,), sql).unwrap();
    assert!((3..=5).contains(&open), "{open}");
}
