//! Databases that cannot be used, now or ever; and the production profile, which migrates no schema.

use crate::{SOON, new_person, one_line};
use acceptance::process::{Folder, free_port, postgres, stored, until};
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_file_that_is_not_a_database_is_reported_and_left_unchanged() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("data")).unwrap();
    let file = folder.path().join("data/roster.db");
    let text = "these are holiday plans, and no database\n".repeat(100);
    fs::write(&file, &text).unwrap();
    for command in ["serve", "migrate"] {
        let refused = folder.roster(&[command]).run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains("data/roster.db") && line.contains("not a database"), "{command}: {line}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_tried_for_30_seconds() {
    let folder = Folder::new();
    let unreachable = format!("postgres://tester:canary@127.0.0.1:{}/roster", free_port());
    let ended = folder.roster(&[]).set("DATABASE_URL", unreachable).run(Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!((30..45).contains(&ended.took.as_secs()), "{ended:?}");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(
        matches!(lines[..], [warning, line] if warning.contains("trying again for 30 s") && line.starts_with("roster: ")),
        "{ended:?}"
    );
    assert!(!ended.stderr.contains("canary"), "{ended:?}");
}

#[tokio::test]
async fn a_database_that_starts_late_is_served() {
    let Some(database) = postgres().await else { return };
    let (credentials, rest) = database.rsplit_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let (server, port) = (server.to_owned(), free_port());
    let folder = Folder::new();
    let roster =
        folder.roster(&[]).set("DATABASE_URL", format!("{credentials}@127.0.0.1:{port}/{name}")).hashing_fast();
    let mut process = roster.start();
    until(SOON, "complaint", async || process.stderr().contains("the database does not answer").then_some(())).await;
    assert_eq!(process.stdout(), "", "it does not say that it serves");
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        }
    });
    process.serves().await;
    assert_eq!(process.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201);
}

#[tokio::test]
async fn sigterm_ends_a_process_that_waits_for_its_database() {
    let folder = Folder::new();
    let unreachable: SocketAddr = ([127, 0, 0, 1], free_port()).into();
    let process = folder.roster(&[]).set("DATABASE_URL", format!("postgres://u:p@{unreachable}/roster")).start();
    until(SOON, "complaint", async || process.stderr().contains("the database does not answer").then_some(())).await;
    let ended = process.terminate().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took < Duration::from_secs(10), "{ended:?}");
}

#[tokio::test]
async fn a_permanent_database_error_is_reported_at_once() {
    let Some(database) = postgres().await else { return };
    let (server, _) = database.rsplit_once('/').unwrap();
    let (_, host) = server.rsplit_once('@').unwrap();
    let folder = Folder::new();
    for url in [format!("{server}/there_is_none"), format!("postgres://roster:canary@{host}/postgres")] {
        let refused = folder.roster(&[]).set("DATABASE_URL", url).run(SOON).await;
        assert!(!one_line(&refused).contains("canary"), "{refused:?}");
    }
}

#[tokio::test]
async fn production_serves_only_after_migrate_and_its_role_needs_no_right_to_change_the_schema() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let production = folder.roster(&[]).set("ROSTER_PROFILE", "production").set("ROSTER_BCRYPT_COST", "10");
    let refused = production.clone().set("DATABASE_URL", &database).run(SOON).await;
    assert!(one_line(&refused).contains("run `roster migrate` first"), "{refused:?}");

    let migrate = folder.roster(&["migrate"]).set("DATABASE_URL", &database);
    let (first, second) = (migrate.run(SOON).await, migrate.run(SOON).await);
    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{first:?} {second:?}");
    assert!(first.stdout.contains("applied ") && second.stdout.contains("is up to date"), "{first:?} {second:?}");
    let in_json = folder.roster(&["migrate", "--json"]).set("DATABASE_URL", &database).run(SOON).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&in_json.stdout).unwrap()["applied"], 0);

    let serving = serving_role(&database).await;
    let server = production.clone().set("DATABASE_URL", &serving).serve().await;
    assert_eq!(server.get("/health/ready").await.status, 200);
    assert_eq!(server.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201);

    // The index for `q` comes beside a running server, whose role sees it at once.
    let list = ["users", "list", "--q", "example"];
    let list = folder.roster(&list).set("DATABASE_URL", &serving);
    let refused = list.run(SOON).await;
    assert!(refused.code == Some(2) && refused.stderr.contains("migrate --substring-search"), "{refused:?}");
    let search = folder.roster(&["migrate", "--substring-search"]).set("DATABASE_URL", &database).run(SOON).await;
    assert!(search.stdout.contains("applied 1 migration"), "{search:?}");
    let found = list.run(SOON).await;
    assert!(found.code == Some(0) && found.stdout.contains("@example"), "{found:?}");
    assert_eq!(server.get("/health/ready").await.status, 200);
    let ended = server.terminate().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Creates a role that may read and write only; returns the URL to connect as this role.
async fn serving_role(database: &str) -> String {
    let db = stored::open(database).await;
    let (_, rest) = database.rsplit_once('@').unwrap();
    let role = "do $$ begin execute format('create role %I login password %L', current_database() || '_app', 'apart'); \
         execute format('grant select, insert, update, delete on all tables in schema public to %I', current_database() || '_app'); \
         execute format('grant usage on all sequences in schema public to %I', current_database() || '_app'); end $$";
    let mut tx = db.begin().await.unwrap();
    persistence::execute!(&mut tx, role).unwrap();
    tx.commit().await.unwrap();
    let (host, name) = rest.split_once('/').unwrap();
    format!("postgres://{name}_app:apart@{host}/{name}")
}

#[tokio::test]
async fn production_on_sqlite_serves_only_after_migrate_too() {
    let folder = Folder::new();
    let production = folder.roster(&[]).set("ROSTER_PROFILE", "production");
    let refused = production.run(SOON).await;
    assert!(one_line(&refused).contains("run `roster migrate` first"), "{refused:?}");
    // From an empty folder, as at an installation.
    let folder = Folder::new();
    let production = folder.roster(&[]).set("ROSTER_PROFILE", "production");
    let migrated = folder.roster(&["migrate"]).set("ROSTER_PROFILE", "production").run(SOON).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let server = production.serve().await;
    assert_eq!(server.get("/health/ready").await.status, 200);
}
