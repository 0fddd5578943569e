//! Only one process serves a SQLite file, under whatever name.

use crate::{SOON, new_person, one_line};
use acceptance::process::Folder;
use std::fs;
use std::os::unix::fs::symlink;

const WAIT: [(&str, &str); 1] = [("prefer", "wait=20")];

#[tokio::test]
async fn a_second_server_is_refused_under_every_other_name_of_the_file_and_the_first_loses_nothing() {
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    let mut server = folder.roster(&[]).hashing_fast().serve().await;
    assert_eq!(server.sign_up(&WAIT, &new_person()).await.status, 201);
    symlink("data/roster.db", at("link.db")).unwrap();
    symlink("data", at("linked")).unwrap();
    fs::hard_link(at("data/roster.db"), at("hard.db")).unwrap();
    let url = |name: &str| format!("sqlite://{}", at(name).display());
    for name in ["hard.db", "link.db", "linked/roster.db", "data/roster.db"] {
        for command in ["serve", "migrate", "check"] {
            let ended = folder.roster(&[command]).set("DATABASE_URL", url(name)).run(SOON).await;
            assert_ne!(ended.code, Some(0), "{command} on {name} while there are two names: {ended:?}");
            assert!(format!("{}{}", ended.stdout, ended.stderr).contains("hard links"), "{ended:?}");
        }
    }
    fs::remove_file(at("hard.db")).unwrap();
    fs::remove_file(at("data/roster.db.lock")).unwrap();
    for name in ["link.db", "linked/roster.db", "data/roster.db"] {
        let refused = folder.roster(&[]).set("DATABASE_URL", url(name)).run(SOON).await;
        assert!(one_line(&refused).contains(" serves "), "{name}: {refused:?}");
        let listed = folder.roster(&["users", "list"]).set("DATABASE_URL", url(name)).run(SOON).await;
        assert_eq!(listed.code, Some(0), "the command line beside the server: {listed:?}");
    }
    for _ in 0..20 {
        assert_eq!(server.sign_up(&WAIT, &new_person()).await.status, 201);
    }
    server.kill_9_and_restart().await;
    let listed = folder.roster(&["users", "list", "--json"]).run(SOON).await;
    assert_eq!(listed.stdout.matches("@example.org").count(), 21, "{listed:?}");
    let ended = server.terminate().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
