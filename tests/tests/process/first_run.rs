//! The first start of `roster` in an empty folder.

use crate::{SOON, new_person, one_line};
use acceptance::process::Folder;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn an_empty_folder_is_enough_and_data_survives_a_restart() {
    let folder = Folder::new();
    let roster = folder.roster(&[]);
    let server = roster.serve().await;
    let at = server.at();
    let greeting = format!(
        "Roster listens on http://{at}\n  docs     http://{at}/docs\n  data     sqlite://data/roster.db\n  hints    in process\n"
    );
    assert_eq!(server.stdout(), greeting);
    for path in ["/health/live", "/health/ready"] {
        let healthy = server.get(path).await;
        assert_eq!((healthy.status, &healthy.json()["status"]), (200, &"ok".into()), "{path}");
    }
    assert!(server.get("/docs").await.status < 400);

    let person = new_person();
    let created = server.sign_up(&[("prefer", "wait=20")], &person).await;
    assert_eq!(created.status, 201, "{created:?}");
    let path = created.header("location").unwrap().to_owned();
    let before = server.get(&path).await;
    assert_eq!(before.status, 200);
    let ended = server.terminate().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let server = roster.serve().await;
    let after = server.get(&path).await;
    assert_eq!((after.status, after.json()), (200, before.json()));
    let again = server.sign_up(&[("prefer", "wait=20")], &person).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &"email_taken".into()), "{again:?}");
}

#[tokio::test]
async fn stored_files_are_private_to_their_owner() {
    let folder = Folder::new();
    let _server = folder.roster(&[]).serve().await;
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    for file in ["data/keys.json", "data/roster.db", "data/roster.db-wal"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused_and_the_first_continues() {
    let folder = Folder::new();
    let first = folder.roster(&[]).serve().await;
    let second = folder.roster(&[]).run(SOON).await;
    let line = one_line(&second);
    assert!(
        line.contains("another process (")
            && line.contains(") serves data/roster.db")
            && line.contains("ROSTER_DATA_DIR"),
        "{line}"
    );
    assert_eq!(first.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201);
}

#[tokio::test]
async fn a_killed_server_releases_its_file() {
    let folder = Folder::new();
    let mut server = folder.roster(&[]).serve().await;
    server.kill_9_and_restart().await;
    assert_eq!(server.get("/health/ready").await.status, 200);
}
