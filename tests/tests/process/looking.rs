//! Read-only commands change nothing; and one convention for exit codes, errors and tables.

use crate::{SOON, answer, databases, on, one_line, refusal};
use acceptance::process::{Folder, postgres};
use persistence::{Db, fetch_all};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const PASSWORD: &str = "drei blaue Würfel rollen";
const ID: &str = "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091";

/// Every read-only subcommand.
const READ_ONLY: [&[&str]; 10] = [
    &["check"],
    &["users", "list"],
    &["users", "show", "ada@example.org"],
    &["users", "show", ID],
    &["commands", "list"],
    &["commands", "show", ID],
    &["keys", "list"],
    &["service-keys", "list"],
    &["openapi"],
    &["--help"],
];

/// Every file below a folder with its content (`None` for a folder), except for the tests' own files.
fn tree(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.insert(name, fs::read(&path).ok());
        }
    }
    found
}

/// The names of the tables of a database on PostgreSQL.
async fn schema(url: &str) -> Vec<(String,)> {
    let db = Db::open_unlocked(&url.parse().unwrap()).await.unwrap();
    let mut read = db.read().await.unwrap();
    let sql = ("select tablename::text from pg_tables where schemaname = 'public' order by 1", "select 'none'");
    let tables = fetch_all!(&mut read, (String,), sql).unwrap();
    drop(read);
    db.close().await;
    tables
}

#[tokio::test]
async fn read_only_commands_create_nothing_in_an_empty_folder() {
    let folder = Folder::new();
    for arguments in READ_ONLY {
        let looked = folder.roster(arguments).run(SOON).await;
        if ["openapi", "--help"].contains(&arguments[0]) {
            assert_eq!(looked.code, Some(0), "{looked:?}");
        } else {
            let line = one_line(&looked);
            assert!(line.contains("does not exist") && line.contains("`roster serve`"), "{arguments:?}: {line}");
        }
        assert!(tree(folder.path()).is_empty(), "{arguments:?}: {:?}", tree(folder.path()).keys());
    }
}

#[tokio::test]
async fn read_only_commands_do_not_migrate_a_database() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/roster.db"), "").unwrap();
    let before = tree(folder.path());
    let database = postgres().await;
    for arguments in READ_ONLY {
        for url in [None].into_iter().chain(database.as_ref().map(Some)) {
            let looked = on(&folder, url, arguments).run(SOON).await;
            let said = format!("{}{}", looked.stdout, looked.stderr);
            match arguments[0] {
                "openapi" | "--help" => assert_eq!(looked.code, Some(0), "{looked:?}"),
                "check" => assert!(looked.code == Some(1) && said.contains("run `roster migrate`"), "{looked:?}"),
                "keys" => assert!(one_line(&looked).contains("`roster serve`"), "{looked:?}"),
                _ => assert_eq!(one_line(&looked).matches("run `roster migrate`").count(), 1, "{looked:?}"),
            }
            assert_eq!(tree(folder.path()), before, "{arguments:?} on {url:?}");
            if let Some(url) = url {
                assert!(schema(url).await.is_empty(), "{arguments:?}");
            }
        }
    }
}

#[tokio::test]
async fn read_only_commands_change_no_file_of_an_installation() {
    let folder = Folder::new();
    let created = on(&folder, None, &["users", "create", "ada@example.org", "--password-stdin"]).reading(PASSWORD);
    assert_eq!(created.run(SOON).await.code, Some(0));
    let before = tree(folder.path());
    for arguments in READ_ONLY {
        on(&folder, None, arguments).run(SOON).await;
        assert_eq!(tree(folder.path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "{arguments:?}");
        assert!(tree(folder.path()) == before, "{arguments:?} has changed a file");
    }
}

#[tokio::test]
async fn an_error_quotes_nothing_twice() {
    let Some(database) = postgres().await else { return };
    let (server, _) = database.rsplit_once('/').unwrap();
    let folder = Folder::new();
    for arguments in [&["users", "list"][..], &["commands", "list"], &["migrate"]] {
        let nowhere = folder.roster(arguments).set("DATABASE_URL", format!("{server}/there_is_none")).run(SOON).await;
        assert_eq!(one_line(&nowhere).matches("no such database").count(), 1, "{nowhere:?}");
    }
}

#[tokio::test]
async fn exit_codes_and_errors_keep_to_one_convention() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        let create = ["users", "create", "ada@example.org", "--name", "Ada", "--password-stdin", "--json"];
        let ada = answer(&roster(&create).reading(PASSWORD).run(SOON).await);
        assert_eq!(ada["status"], "active", "{ada}");
        for (arguments, code) in [
            (&["users", "show", "eve@example.org"][..], 1),
            (&["users", "show", ID], 1),
            (&["users", "set-role", ID, "admin"], 1),
            (&["users", "deactivate", ID], 1),
            (&["commands", "show", ID], 1),
            (&["commands", "retry", ID], 1),
            (&["commands", "discard", ID, "--reason", "none"], 1),
            (&["keys", "retire", "none"], 1),
            (&["service-keys", "revoke", ID], 1),
            (&["users", "show", "no address"], 2),
            (&["users", "create", "bob@example.org"], 2),
            (&["sreve"], 2),
        ] {
            let plain = roster(arguments).run(SOON).await;
            assert_eq!((plain.code, &*plain.stdout), (Some(code), ""), "{arguments:?}: {plain:?}");
            let in_json = roster(&[arguments, &["--json"]].concat()).run(SOON).await;
            assert_eq!((in_json.code, &*in_json.stdout), (Some(code), ""), "{arguments:?}: {in_json:?}");
            let error: Value =
                serde_json::from_str(&in_json.stderr).unwrap_or_else(|_| panic!("{arguments:?}: {in_json:?}"));
            assert!(error["exit_code"] == code && error["error"].as_str().is_some_and(|it| !it.is_empty()), "{error}");
        }
        let wrong = roster(&["users", "list", "--json"]).set("ROSTER_DOCS", "perhaps").run(SOON).await;
        assert!(wrong.code == Some(2) && serde_json::from_str::<Value>(&wrong.stderr).is_ok(), "{wrong:?}");
        let blind = roster(&["users", "create", "bob@example.org"]).reading(PASSWORD).run(SOON).await;
        assert!(one_line(&blind).contains("--password-stdin"), "{blind:?}");

        let id = ada["id"].as_str().unwrap();
        assert_eq!(answer(&roster(&["users", "show", id, "--json"]).run(SOON).await), ada, "by id, too");
        assert_eq!(answer(&roster(&["users", "deactivate", id, "--json"]).run(SOON).await)["status"], "deactivated");
        let listed = roster(&["users", "list"]).run(SOON).await.stdout;
        let [header, line] = listed.lines().collect::<Vec<_>>()[..] else { panic!("{listed}") };
        for (column, value) in [("ID", id), ("STATUS", "deactivated"), ("EMAIL", "ada@example.org")] {
            assert_eq!(header.find(column), line.find(value), "{listed}");
        }
        let commands = roster(&["commands", "list"]).run(SOON).await.stdout;
        let mut ids: Vec<_> =
            commands.lines().skip(1).filter_map(|line| line.split("  ").next()).filter(|id| !id.is_empty()).collect();
        assert!(commands.starts_with("COMMAND") && ids.len() == 2, "a registration and a deactivation: {commands}");
        ids.dedup();
        assert!(ids.len() == 2 && commands.lines().count() > 4, "{commands}");
        assert_eq!(roster(&["users", "show", "eve@example.org"]).run(SOON).await.code, Some(1));
        refusal(&roster(&["commands", "show", ID]).run(SOON).await);
    }
}

#[tokio::test]
async fn a_password_is_asked_for_at_a_terminal_and_not_shown() {
    let folder = Folder::new();
    // `script` gives the process a terminal, and types its own input there.
    let create = |email: &str, typed: &str| {
        let command = format!("\"$0\" users create {email}; echo \"code $?\"");
        folder
            .roster(&[])
            .hashing_fast()
            .under(&[
                "sh",
                "-c",
                "exec script --quiet --return --echo never --command \"sh -c '$1' $2\" /dev/null",
                "sh",
                &command,
            ])
            .reading(typed)
    };
    let done = create("ada@example.org", &format!("{PASSWORD}\n{PASSWORD}\n")).run(SOON).await;
    assert!(done.stdout.contains("Password: ") && done.stdout.contains("code 0"), "{done:?}");
    assert!(!done.stdout.contains("Würfel"), "{done:?}");
    let differ = create("bob@example.org", &format!("{PASSWORD}\n{PASSWORD} \n")).run(SOON).await;
    assert!(differ.stdout.contains("two passwords differ") && differ.stdout.contains("code 1"), "{differ:?}");
    // The terminal delivers Ctrl-C as a signal until the prompt has changed the terminal's settings, and `script` types
    // at once. Such a round shows nothing about the prompt.
    for _ in 0..50 {
        let stopped = create("bob@example.org", "drei\x03").run(SOON).await;
        if stopped.code != Some(130) && !stopped.stdout.contains("code 130") {
            assert!(stopped.stdout.contains("nothing was done") && stopped.stdout.contains("code 2"), "{stopped:?}");
            return;
        }
    }
    panic!("Ctrl-C was always a signal");
}
