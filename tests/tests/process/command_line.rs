//! The command line, beside a running server and without one, as text and as JSON.

use crate::{SOON, new_person, one_line};
use acceptance::process::{Folder, postgres};
use serde_json::Value;

#[tokio::test]
async fn openapi_prints_the_document_that_the_server_serves() {
    let folder = Folder::new();
    let printed = folder.roster(&["openapi"]).run(SOON).await;
    assert_eq!((printed.code, &*printed.stderr), (Some(0), ""), "{printed:?}");
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert!(!folder.path().join("data").exists(), "it creates no files");
    let server = folder.roster(&[]).serve().await;
    assert_eq!(server.get("/openapi.json").await.json(), document);
}

#[tokio::test]
async fn check_reports_its_findings_beside_a_server_and_after_it() {
    let mut databases = vec![None];
    databases.extend(postgres().await.map(Some));
    for database in databases {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| {
            let roster = folder.roster(arguments).hashing_fast();
            database.iter().fold(roster, |roster, url| roster.set("DATABASE_URL", url))
        };
        let server = roster(&[]).serve().await;
        assert_eq!(server.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201);
        let mut server = Some(server);
        for _ in 0..2 {
            let text = roster(&["check"]).run(SOON).await;
            assert_eq!((text.code, &*text.stderr), (Some(0), ""), "{text:?}");
            let json = roster(&["check", "--json"]).run(SOON).await;
            assert_eq!((json.code, &*json.stderr), (Some(0), ""), "{json:?}");
            let report: Value = serde_json::from_str(&json.stdout).unwrap();
            assert_eq!(report["ok"], true, "{report}");
            for check in ["keys", "database", "schema", "clock", "ahead", "failed", "waiting"] {
                let line = text.stdout.lines().find(|line| line.split_whitespace().nth(1) == Some(check));
                assert!(line.is_some_and(|line| line.starts_with("ok ")), "{check}: {}", text.stdout);
                let checks = report["checks"].as_array().unwrap();
                assert!(checks.iter().any(|it| it["check"] == check && it["ok"] == true), "{check}: {report}");
            }
            assert!(!text.stdout.contains('@'), "neither user nor password: {}", text.stdout);
            if let Some(server) = server.take() {
                let ended = server.terminate().await;
                assert_eq!(ended.code, Some(0), "{ended:?}");
            }
        }
    }
}

#[tokio::test]
async fn check_creates_nothing() {
    let folder = Folder::new();
    let checked = folder.roster(&["check"]).run(SOON).await;
    assert!(one_line(&checked).contains("does not exist yet"), "{checked:?}");
    assert!(!folder.path().join("data").exists());
}

#[tokio::test]
async fn check_fails_when_something_is_wrong() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let bare = folder.roster(&["check", "--json"]).set("DATABASE_URL", &database).set("ROSTER_PROFILE", "production");
    let bare = bare.run(SOON).await;
    let report: Value = serde_json::from_str(&bare.stdout).unwrap();
    assert_eq!((bare.code, &report["ok"]), (Some(1), &false.into()), "{bare:?}");
    assert!(bare.stdout.contains("roster migrate"), "the report says what to do: {report}");
    let (server, _) = database.rsplit_once('/').unwrap();
    let nowhere = folder.roster(&["check"]).set("DATABASE_URL", format!("{server}/there_is_none")).run(SOON).await;
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    assert!(nowhere.stdout.lines().any(|line| line.starts_with("FAIL database")), "{nowhere:?}");
}

#[tokio::test]
async fn the_help_of_each_command_is_complete() {
    let folder = Folder::new();
    let help = async |arguments: &[&str]| {
        let help = folder.roster(&[arguments, &["--help"]].concat()).run(SOON).await;
        assert_eq!((help.code, &*help.stderr), (Some(0), ""), "{help:?}");
        help.stdout
    };
    let all = help(&[]).await;
    for word in [
        "serve",
        "migrate",
        "openapi",
        "check",
        "--json",
        "--help",
        "--version",
        "roster.toml",
        "Exit codes",
        "needs --force",
    ] {
        assert!(all.contains(word), "{word}: {all}");
    }
    for (command, words) in [
        ("serve", &["--role <ROLE>", "all:", "api:", "worker:", "[default: all]", "DATABASE_URL", "AMQP_URL"][..]),
        ("migrate", &["schema", "--substring-search"]),
        ("openapi", &["OpenAPI 3.1"]),
        ("check", &["Exits with 0", "1 when"]),
        ("users create", &["<EMAIL>", "--name", "--admin", "--password-stdin", "Exits with 1"]),
        ("users set-role", &["<EMAIL|ID>", "<ROLE>", "last administrator"]),
        ("users set-password", &["<EMAIL|ID>", "--password-stdin", "Exits with 1"]),
        ("users show", &["<EMAIL|ID>", "Exits with 1"]),
        ("users list", &["--role", "--q <TEXT>", "--after", "--limit"]),
        ("keys list", &["sign"]),
        ("keys rotate", &["--now", "ten minutes", "emergencies"]),
        ("keys replace", &["--force", "Exits with 3"]),
        ("keys retire", &["<KID>", "five minutes", "Exits with 1"]),
        ("service-keys create", &["<NAME>", "--scope", "audit:read", "--days", "[default: 90]"]),
        ("service-keys list", &["valid keys"]),
        ("service-keys revoke", &["<ID>", "Exits with 1"]),
    ] {
        let help = help(&command.split(' ').collect::<Vec<_>>()).await;
        for word in words.iter().chain(&["--json", "--help"]) {
            assert!(help.contains(word), "{command} and {word}: {help}");
        }
    }
    let version = folder.roster(&["--version"]).run(SOON).await;
    assert!(version.stdout.starts_with("roster 0."), "{version:?}");
    assert!(!folder.path().join("data").exists(), "asking for help makes nothing");
}

#[tokio::test]
async fn an_unknown_subcommand_is_refused() {
    let folder = Folder::new();
    for arguments in [&["sreve"][..], &["serve", "--role", "chef"], &["--port", "80"]] {
        let refused = folder.roster(arguments).run(SOON).await;
        assert_eq!((refused.code, &*refused.stdout), (Some(2), ""), "{refused:?}");
        assert!(
            refused.stderr.contains(arguments[arguments.len() - 1]) || refused.stderr.contains("--port"),
            "{refused:?}"
        );
    }
    let refused = folder.roster(&["migrate", "now"]).run(SOON).await;
    assert!(refused.code == Some(2) && refused.stderr.contains("unexpected argument"), "{refused:?}");
}
