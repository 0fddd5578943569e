//! Kills one process on a SQLite file.

use crate::verdict::all_promises_kept;
use acceptance::process::canary::in_files;
use acceptance::process::load::{Heard, Load};
use acceptance::process::{Folder, stored};

const PEOPLE: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_single_process_loses_and_doubles_no_sign_up() {
    let folder = Folder::new();
    let roster = folder.roster(&["serve"]).hashing_fast().on_a_fixed_port();
    let mut server = roster.serve().await;
    let load = Load::start(server.at(), PEOPLE, 16);
    for answered in [20, 60, 100, 140, 180] {
        load.reaches(answered).await;
        server.kill_9_and_restart().await;
    }
    let (person, password) = (format!("@{}.example", load.canary()), format!("{} umbrella", load.canary()));
    let db = stored::open(&format!("sqlite://{}/data/roster.db", folder.path().display())).await;
    let log = all_promises_kept("kill -9 of the process, on SQLite", vec![load], &db, PEOPLE).await;
    assert!(log.iter().any(|it| it.heard.contains(&Heard::Nothing)), "no kill hit a request");
    assert!(folder.printed().contains("messages that an earlier process had begun"), "no kill hit a message");
    assert!(!in_files(folder.path(), &person).is_empty(), "addresses are found");
    assert_eq!(in_files(folder.path(), &password), [] as [String; 0], "no password is");
}
