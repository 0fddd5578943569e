//! A full disk: Roster accepts no command that it cannot store, and executes accepted commands once there is room.

use crate::{SOON, new_person};
use acceptance::process::{Folder, Roster, Server, until, uuid};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// More sign-ups than the space in existing write-ahead log files can take.
const ENOUGH: usize = 3_000;

/// The storage that fills up.
enum Space {
    /// A small disk.
    Disk(PathBuf),
    /// A limit on the size of files, if this user may not mount a disk.
    RateLimit,
}

impl Space {
    fn below(data: &Path) -> Self {
        fs::create_dir(data).unwrap();
        let mounted = run("mount", &["-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", data.to_str().unwrap()]);
        if mounted { Self::Disk(data.to_owned()) } else { Self::RateLimit }
    }

    fn prepare(&self, roster: Roster) -> Roster {
        match self {
            Self::Disk(_) => roster,
            // Let the write fail instead of a signal.
            Self::RateLimit => roster.under(&["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]),
        }
    }

    /// Uses up all free space.
    fn fill(&self, server: &Server) {
        let Self::Disk(disk) = self else { return limit(server, "0:unlimited") };
        let mut all = Vec::new();
        let mut more = 1 << 20;
        while more > 0 {
            all.resize(all.len() + more, 1);
            if fs::write(disk.join("filler"), &all).is_err() {
                all.truncate(all.len() - more);
                more /= 2;
            }
        }
    }

    fn clear(&self, server: &Server) {
        match self {
            Self::Disk(disk) => fs::remove_file(disk.join("filler")).unwrap(),
            Self::RateLimit => limit(server, "unlimited:unlimited"),
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Self::Disk(disk) = self {
            run("umount", &["--lazy", disk.to_str().unwrap()]);
        }
    }
}

fn limit(server: &Server, to: &str) {
    assert!(run("prlimit", &["--pid", &server.id().to_string(), &format!("--fsize={to}")]), "util-linux sets limits");
}

fn run(program: &str, arguments: &[&str]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "a test that needs a full disk asks the system for one")]
    let mut command = Command::new(program);
    command.args(arguments).status().is_ok_and(|status| status.success())
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_accepted_and_nothing_accepted_before_is_lost() {
    let folder = Folder::new();
    let space = Space::below(&folder.path().join("data"));
    let server = space.prepare(folder.roster(&[]).hashing_fast()).serve().await;
    let created = server.sign_up(&[("prefer", "wait=20")], &new_person()).await;
    assert_eq!(created.status, 201, "{created:?}");

    space.fill(&server);
    let mut promised = Vec::new();
    let mut refused = 0;
    // Repeat until nothing fits: existing log files have space that is reused.
    for _ in 0..ENOUGH {
        let answer = server.sign_up(&[("idempotency-key", &uuid().to_string())], &new_person()).await;
        if answer.status == 202 {
            promised.push(answer.json()["id"].as_str().unwrap().to_owned());
            continue;
        }
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("database_unavailable")), "{answer:?}");
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0, "{answer:?}");
        refused += 1;
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20, "the disk is full");
    let ready = server.get("/health/ready").await;
    assert_eq!((ready.status, &ready.json()["checks"]["database"]), (503, &json!("down")), "{ready:?}");
    assert_eq!(server.get(created.header("location").unwrap()).await.status, 200, "reading goes on");

    space.clear(&server);
    let later = server.sign_up(&[("prefer", "wait=20")], &new_person()).await;
    assert_eq!(later.status, 201, "{later:?}");
    for command in promised {
        let command = server.outcome(&command).await;
        assert_eq!(command["status"], "succeeded", "{command}");
    }
    // A readiness result is reused for up to two seconds.
    until(SOON, "readiness", async || (server.get("/health/ready").await.status == 200).then_some(())).await;
    let ended = server.terminate().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
