//! The file of breached passwords.

use crate::{SOON, on, one_line, refusal};
use acceptance::process::Folder;
use serde_json::json;
use std::fs;

const PASSWORD: &str = "drei blaue Würfel rollen";
const STOLEN: &str = "a password that was stolen";
/// The SHA-1 of [`STOLEN`] between two others.
const FILE: &str = "0000000CAEF405439D57847A8657218C618160B2:2\r\n\
     8396AAC72FCB25FE93D355FE24183FA9EA8E6355:2021\r\n\
     FFFFFFFEE791CBAC0F6305CAF0CEE06BBE131160:2\r\n";

#[tokio::test]
async fn a_file_of_breached_passwords_that_cannot_be_used_ends_the_start_and_fails_the_check() {
    let folder = Folder::new();
    let roster = |arguments: &[&str]| on(&folder, None, arguments).set("ROSTER_BREACHED_FILE", "breached.txt");
    let create = ["users", "create", "ada@example.org", "--password-stdin"];
    assert_eq!(on(&folder, None, &create).reading(PASSWORD).run(SOON).await.code, Some(0));
    let reversed: String = FILE.lines().rev().map(|line| format!("{line}\n")).collect();
    for (content, says) in [
        (None, "breached.txt, which cannot be read: No such file"),
        (Some(""), "is empty"),
        (Some("canary:1\n"), "has a line near byte 0 that is not a SHA-1 in hex, a colon and a count"),
        (Some(&*reversed), "is not ordered by hash near byte 0"),
    ] {
        if let Some(content) = content {
            fs::write(folder.path().join("breached.txt"), content).unwrap();
        }
        for command in [&["serve"][..], &create] {
            let refused = roster(command).reading(PASSWORD).run(SOON).await;
            let line = one_line(&refused);
            assert!(line.contains("ROSTER_BREACHED_FILE") && line.contains(says), "{command:?}: {line}");
            assert!(line.contains("or unset it") && !line.contains("canary"), "{line}");
        }
        let check = roster(&["check"]).run(SOON).await;
        assert_eq!(check.code, Some(1), "{check:?}");
        let line = check.stdout.lines().find(|line| line.starts_with("FAIL breached")).unwrap();
        assert!(line.contains(says), "{line}");
    }
    fs::write(folder.path().join("breached.txt"), FILE).unwrap();
    let check = roster(&["check"]).run(SOON).await;
    assert!(check.code == Some(0) && check.stdout.contains("ok   breached     breached.txt"), "{check:?}");
}

#[tokio::test]
async fn operators_and_the_first_administrator_get_no_breached_password() {
    let folder = Folder::new();
    fs::write(folder.path().join("breached.txt"), FILE).unwrap();
    let roster = |arguments: &[&str]| on(&folder, None, arguments).set("ROSTER_BREACHED_FILE", "breached.txt");
    let first = roster(&[]).set("ROSTER_ADMIN_EMAIL", "ada@example.org").set("ROSTER_ADMIN_PASSWORD", STOLEN);
    let server = first.serve().await;
    let refused = "ROSTER_ADMIN_PASSWORD must not be a password that is known from a data breach";
    server.logs(refused).await;
    assert_eq!(server.terminate().await.code, Some(0));
    assert!(!folder.printed().contains("stolen"));

    let create = roster(&["users", "create", "ada@example.org", "--password-stdin"]);
    let set = roster(&["users", "set-password", "ada@example.org", "--password-stdin"]);
    let breached = "known from a data breach";
    let refused = create.clone().reading(STOLEN).run(SOON).await;
    assert!(refusal(&refused).contains(breached), "{refused:?}");
    assert_eq!(create.reading(PASSWORD).run(SOON).await.code, Some(0));
    let refused = set.clone().reading(STOLEN).run(SOON).await;
    assert!(refusal(&refused).contains(breached), "{refused:?}");
    assert_eq!(set.reading("another good password").run(SOON).await.code, Some(0));
}

#[tokio::test]
async fn a_file_that_breaks_while_roster_runs_stops_no_registration() {
    let folder = Folder::new();
    let file = folder.path().join("breached.txt");
    fs::write(&file, FILE).unwrap();
    let server = on(&folder, None, &[]).set("ROSTER_BREACHED_FILE", &file).serve().await;
    let sign_up = async |email: &str| server.sign_up(&[], &json!({ "email": email, "password": STOLEN })).await.status;
    assert_eq!(sign_up("ada@example.org").await, 422);
    fs::write(&file, "").unwrap();
    assert_eq!((sign_up("ada@example.org").await, sign_up("eve@example.org").await), (202, 202));
    let warning = "cannot search the file of breached passwords";
    server.logs(warning).await;
    let ended = server.terminate().await;
    assert_eq!(ended.stderr.matches(warning).count(), 1, "{ended:?}");
}
