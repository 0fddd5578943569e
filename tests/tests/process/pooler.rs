//! A pgbouncer between Roster and PostgreSQL.

use crate::{SOON, new_person, on, one_line};
use acceptance::process::own_postgres::{folder, program};
use acceptance::process::{Folder, free_port, pgbouncer_program, postgres, stored, until};
use std::fs;
use std::time::Duration;
use tempfile::TempDir;
use testkit::Process;
use tokio::net::TcpStream;

struct PgBouncer {
    _process: Process,
    url: String,
    _home: TempDir,
}

impl PgBouncer {
    /// Starts a pgbouncer with its usual settings before the database of this URL.
    async fn before(database: &str, pool_mode: &str) -> Option<Self> {
        let installed = pgbouncer_program()?;
        let home = folder();
        let (credentials, rest) = database.rsplit_once('@').unwrap();
        let (server, name) = rest.split_once('/').unwrap();
        let (host, server_port) = server.split_once(':').unwrap();
        let (user, password) = credentials.strip_prefix("postgres://").unwrap().split_once(':').unwrap();
        let port = free_port();
        let users = home.path().join("users");
        fs::write(&users, format!("\"{user}\" \"{password}\"\n")).unwrap();
        let settings = home.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {}\n\
             pool_mode = {pool_mode}\ndefault_pool_size = 40\nmax_client_conn = 200\n",
            users.display()
        );
        fs::write(&settings, text).unwrap();
        let process = Process::start(program(&installed).arg(&settings)).unwrap();
        let started = Self { _process: process, url: format!("{credentials}@127.0.0.1:{port}/{name}"), _home: home };
        until(SOON, "pgbouncer", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
        Some(started)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_in_session_mode_everything_works_and_the_guards_hold() {
    let Some(database) = postgres().await else { return };
    let Some(pooler) = PgBouncer::before(&database, "session").await else { return };
    let folder = Folder::new();
    let server = on(&folder, Some(&pooler.url), &[]).serve().await;
    let person = new_person();
    assert_eq!(server.sign_up(&[("prefer", "wait=30")], &person).await.status, 201);
    let (email, password) = (person["email"].as_str().unwrap(), person["password"].as_str().unwrap());
    assert_eq!(server.sign_in(email, password).await.status, 200);
    assert_eq!(server.get("/health/ready").await.status, 200);

    let db = stored::open(&pooler.url).await;
    let sql = "select current_setting('statement_timeout'), current_setting('lock_timeout'), \
         current_setting('idle_in_transaction_session_timeout'), current_setting('default_transaction_read_only')";
    let mut tx = db.begin().await.unwrap();
    let of_writer = persistence::fetch_one!(&mut tx, (String, String, String, String), sql).unwrap();
    assert_eq!(of_writer, ("15s".into(), "10s".into(), "30s".into(), "off".into()));
    let mut read = db.read().await.unwrap();
    let of_reader = persistence::fetch_one!(&mut read, (String, String, String, String), sql).unwrap();
    assert_eq!(of_reader, ("15s".into(), "10s".into(), "30s".into(), "on".into()));
    // A notification of another process arrives, so LISTEN works.
    let mut heard = db.listen("news").await.unwrap().unwrap();
    let notified = tokio::time::timeout(SOON, async {
        db.notify("news", "here").await.unwrap();
        heard.next().await.unwrap()
    });
    assert_eq!(notified.await.unwrap().as_deref(), Some("here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_pooler_in_transaction_mode_is_reported_at_once_with_the_setting() {
    let Some(database) = postgres().await else { return };
    let Some(pooler) = PgBouncer::before(&database, "transaction").await else { return };
    let folder = Folder::new();
    let mut server = on(&folder, Some(&pooler.url), &[]).start();
    let begun = std::time::Instant::now();
    let ended = until(SOON, "end or service", async || {
        if server.stdout().contains("Roster listens") { Some(None) } else { server.exit_code_if_ended().map(Some) }
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let log = server.stderr();
    match ended {
        Some(code) => {
            assert_eq!(code, Some(2), "{log}");
            assert!(log.contains("pool_mode = session") && !log.contains("trying again"), "{log}");
        }
        // Since pgbouncer 1.21, prepared statements work in transaction mode, and since 1.24 by default
        // (max_prepared_statements). Roster then serves, and logs that notifications do not arrive.
        None => assert!(log.contains("LISTEN receives nothing"), "{log}"),
    }
}

#[tokio::test]
async fn a_start_up_parameter_that_a_pooler_refuses_is_reported_at_once() {
    let Some(database) = postgres().await else { return };
    let Some(pooler) = PgBouncer::before(&database, "session").await else { return };
    let folder = Folder::new();
    let url = format!("{}?options=-c%20work_mem=8MB", pooler.url);
    let refused = on(&folder, Some(&url), &[]).run(SOON).await;
    assert!(one_line(&refused).contains("ignore_startup_parameters"), "{refused:?}");
}
