//! Copies of the SQLite file, taken from a running server or put in place under one.

use crate::{SOON, new_person, one_line};
use acceptance::process::Folder;
use serde_json::Value;
use std::fs;

const WAIT: [(&str, &str); 1] = [("prefer", "wait=20")];

async fn may_sign_in(server: &acceptance::process::Server, person: &Value) -> bool {
    server.sign_in(person["email"].as_str().unwrap(), person["password"].as_str().unwrap()).await.status == 200
}

#[tokio::test]
async fn a_copy_by_cp_of_a_new_server_is_refused_with_the_reason() {
    let folder = Folder::new();
    let server = folder.roster(&[]).hashing_fast().serve().await;
    assert_eq!(server.sign_up(&WAIT, &new_person()).await.status, 201);
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for file in ["roster.db", "keys.json"] {
        fs::copy(folder.path().join("data").join(file), copy.join(file)).unwrap();
    }
    let of_the_copy = |arguments: &[&str]| folder.roster(arguments).set("ROSTER_DATA_DIR", &copy);
    let refused = of_the_copy(&[]).run(SOON).await;
    assert!(one_line(&refused).contains("holds nothing"), "{refused:?}");
    let checked = of_the_copy(&["check"]).run(SOON).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains("holds nothing"), "{checked:?}");
    assert_eq!(server.sign_up(&WAIT, &new_person()).await.status, 201, "the server goes on");
}

#[tokio::test]
async fn a_backup_put_in_place_under_a_server_stops_it_and_can_be_restored_as_documented() {
    for by_rename in [false, true] {
        let folder = Folder::new();
        let data = |name: &str| folder.path().join("data").join(name);
        let (before, after) = (new_person(), new_person());
        let server = folder.roster(&[]).hashing_fast().serve().await;
        assert_eq!(server.sign_up(&WAIT, &before).await.status, 201);
        assert_eq!(server.terminate().await.code, Some(0));
        let backup = folder.path().join("backup.db");
        fs::copy(data("roster.db"), &backup).unwrap();

        let server = folder.roster(&[]).hashing_fast().serve().await;
        assert_eq!(server.sign_up(&WAIT, &after).await.status, 201);
        let swapped = folder.path().join("swapped.db");
        fs::copy(&backup, &swapped).unwrap();
        if by_rename {
            fs::rename(&swapped, data("roster.db")).unwrap();
        } else {
            fs::copy(&swapped, data("roster.db")).unwrap();
        }
        let ended = server.end(SOON).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("while it was served"), "{ended:?}");

        let refused = folder.roster(&[]).run(SOON).await;
        assert!(one_line(&refused).contains("is the log of that one"), "{refused:?}");
        for file in ["roster.db-wal", "roster.db-shm"] {
            fs::remove_file(data(file)).unwrap();
        }
        fs::copy(&backup, data("roster.db")).unwrap();
        let server = folder.roster(&[]).hashing_fast().serve().await;
        assert!(may_sign_in(&server, &before).await && !may_sign_in(&server, &after).await);
        assert_eq!(server.terminate().await.code, Some(0));
    }
}
