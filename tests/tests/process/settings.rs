//! Wrong settings are reported in one line with the setting's name and without its value.

use crate::{SOON, one_line};
use acceptance::process::{Folder, postgres};
use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;

#[tokio::test]
async fn a_wrong_setting_is_named_and_its_value_is_not() {
    let folder = Folder::new();
    for (name, value, says) in [
        ("DATABASE_URL", "mysql://canary", "must be sqlite://PATH or postgres://"),
        ("DATABASE_URL", "postgres://u:canary@[bad", "must be"),
        ("DATABASE_URL", "sqlite::memory:canary", "must be"),
        ("DATABASE_URL_FILE", "/nowhere/canary", "names a file"),
        ("AMQP_URL", "canary", ""),
        ("ROSTER_LISTEN", "canary", "must be an address"),
        ("ROSTER_LISTEN", "127.0.0.1:99999", "must be an address"),
        ("ROSTER_METRICS_LISTEN", "canary", "must be one of: off"),
        ("ROSTER_PROFILE", "canary", "must be one of: development, production"),
        ("ROSTER_BCRYPT_COST", "9", "from 10 to 15"),
        ("ROSTER_BCRYPT_COST", "canary", "from 10 to 15"),
        ("ROSTER_LIMITS", "canary", "must be one of: on, off"),
        ("ROSTER_TRUSTED_PROXIES", "canary", "must be addresses and networks"),
        ("ROSTER_TRUSTED_PROXIES", "10.0.0.0/8, canary", "must be addresses and networks"),
        ("ROSTER_DB_CONNECTIONS", "4", "from 5 to 1000"),
        ("ROSTER_MAX_DELAY", "canary", "90s, 30m or 1h"),
        ("ROSTER_IDLE_TIMEOUT", "canary", "90s, 30m or 1h"),
        ("ROSTER_IDLE_TIMEOUT", "0s", "longer than 0"),
        ("ROSTER_SHUTDOWN_DELAY", "canary", "90s, 30m or 1h"),
        ("ROSTER_CONNECTIONS_PER_ADDRESS", "canary", "from 1 to 10000"),
        ("ROSTER_CONNECTIONS_PER_ADDRESS", "0", "from 1 to 10000"),
        ("ROSTER_DOCS", "canary", "must be one of: on, off"),
        ("ROSTER_MAIL", "smtp://canary:canary", "must be off, mailbox, or the URL of a mail server"),
        ("ROSTER_MAIL", "smtp://canary", "needs the sender of mails in ROSTER_MAIL_FROM"),
        ("ROSTER_REGISTRATION", "canary", "must be one of: open, verified, invited, closed"),
        ("ROSTER_LINK_RESET", "https://canary", "must be a URL with {token} once in it"),
        ("ROSTER_PUBLIC_URL", "canary", "must be a URL such as"),
        ("ROSTER_CORS_ORIGINS", "canary", "must be origins"),
        ("ROSTER_CORS_ORIGINS", "https://canary.example/", "without a path"),
        ("ROSTER_CORS_ORIGINS", "*", "wildcards are not supported"),
        ("ROSTER_MAIL_FROM", "canary", "must be an address"),
        ("ROSTER_KEYS_FILE", "/nowhere/keys", "does not exist"),
        ("ROSTER_LISTNE", "canary", "did you mean ROSTER_LISTEN?"),
        ("ROSTER_PASSWORD", "canary", "unknown setting"),
    ] {
        for command in ["serve", "migrate", "check"] {
            // Of these commands, only `serve` reads the key file.
            if name == "ROSTER_KEYS_FILE" && command != "serve" {
                continue;
            }
            let refused = folder.roster(&[command]).set(name, value).run(SOON).await;
            let line = one_line(&refused);
            assert!(line.contains(name) && line.contains(says), "{command} with {name}={value}: {line}");
            assert!(!line.contains("canary"), "{line}");
        }
    }
    let refused = folder.roster(&[]).set("ROSTER_PROFILE", OsStr::from_bytes(b"\xffcanary")).run(SOON).await;
    assert!(one_line(&refused).contains("ROSTER_PROFILE is not UTF-8"), "{refused:?}");
}

#[tokio::test]
async fn a_malformed_broker_url_is_reported_before_the_database_is_touched() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let roster = folder.roster(&[]).set("DATABASE_URL", &database);
    for url in ["canary", "http://u:canary@localhost", "amqp://u:canary@localhost:port/"] {
        let refused = roster.clone().set("AMQP_URL", url).run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains("AMQP_URL") && !line.contains("canary"), "{line}");
    }
}

#[tokio::test]
async fn a_wrong_settings_file_is_reported_without_quoting_it() {
    for (text, says) in [
        ("listen = \"canary\"", "roster.toml: listen must be"),
        ("listne = \"canary\"", "unknown setting listne (did you mean listen?)"),
        ("listen = [\"canary\"]", "listen must be a string"),
        ("password canary", "roster.toml is not TOML"),
        ("[canary\n", "roster.toml is not TOML"),
    ] {
        let folder = Folder::new();
        fs::write(folder.path().join("roster.toml"), text).unwrap();
        let refused = folder.roster(&[]).set("ROSTER_LISTEN", "").run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains(says) && !line.contains("canary"), "{text}: {line}");
    }
}

#[tokio::test]
async fn settings_may_be_in_the_file() {
    let folder = Folder::new();
    fs::write(folder.path().join("roster.toml"), "data_dir = \"elsewhere\"\ndocs = \"off\"\nbcrypt_cost = 10\n")
        .unwrap();
    let server = folder.roster(&[]).serve().await;
    assert!(server.stdout().contains("sqlite://elsewhere/roster.db") && !server.stdout().contains("docs"));
    assert_eq!(server.get("/docs").await.status, 404);
    assert!(folder.path().join("elsewhere/keys.json").is_file());
}

#[tokio::test]
async fn a_port_in_use_is_reported_and_nothing_is_created() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new();
    let at = taken.local_addr().unwrap().to_string();
    let refused = folder.roster(&[]).set("ROSTER_LISTEN", &at).run(SOON).await;
    let line = one_line(&refused);
    assert!(line.contains(&at) && line.contains("ROSTER_LISTEN"), "{line}");
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn a_data_directory_that_is_not_a_directory_is_reported() {
    let folder = Folder::new();
    fs::write(folder.path().join("data"), "a file").unwrap();
    for command in ["serve", "migrate"] {
        let refused = folder.roster(&[command]).run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains("data/roster.db"), "{command}: {line}");
    }
    let checked = folder.roster(&["check"]).run(SOON).await;
    assert!(one_line(&checked).contains("data/roster.db"), "{checked:?}");
    // With PostgreSQL the directory still holds the keys.
    let Some(database) = postgres().await else { return };
    let refused = folder.roster(&[]).set("DATABASE_URL", database).run(SOON).await;
    assert!(one_line(&refused).contains("data/keys.json"), "{refused:?}");
}

#[tokio::test]
async fn a_malformed_key_file_is_reported_and_never_replaced() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("data")).unwrap();
    let keys = folder.path().join("data/keys.json");
    fs::write(&keys, "{\"private\": \"canary\"}").unwrap();
    let refused = folder.roster(&[]).run(SOON).await;
    let line = one_line(&refused);
    assert!(line.contains("data/keys.json") && !line.contains("canary"), "{line}");
    assert!(fs::read_to_string(&keys).unwrap().contains("canary"));
}

#[tokio::test]
async fn all_problems_are_reported_at_once_one_line_each() {
    let folder = Folder::new();
    fs::write(folder.path().join("roster.toml"), "listn = 1\ndocs = \"canary\"\n").unwrap();
    let roster = |command| {
        let roster = folder.roster(&[command]).set("ROSTER_PORT", "9000").set("ROSTER_BCRYPT_COST", "canary");
        roster.set("DATABASE_URL", "sqlite://typo/dir/x.db").set("ROSTER_PASSWORD", "canary")
    };
    for command in ["serve", "migrate", "check"] {
        let refused = roster(command).run(SOON).await;
        let mut lines: Vec<_> = refused.stderr.lines().collect();
        lines.sort_unstable();
        let starts = [
            "roster: DATABASE_URL names a file in ./typo/dir",
            "roster: ROSTER_BCRYPT_COST must be",
            "roster: roster.toml: docs must be one of: on, off",
            "roster: roster.toml: unknown setting listn (did you mean listen?)",
            "roster: unknown setting ROSTER_PASSWORD",
            "roster: unknown setting ROSTER_PORT (did you mean ROSTER_LISTEN?)",
        ];
        assert_eq!((refused.code, lines.len()), (Some(2), starts.len()), "{refused:?}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start) && !line.contains("canary"), "{line}");
        }
        assert_eq!(lines[4], starts[4], "nothing is suggested that is not near");
    }
    assert!(!folder.path().join("typo").exists());
}

#[tokio::test]
async fn roster_listen_may_be_a_port_alone_or_a_host_name() {
    for at in ["0", ":0", "localhost:0", " 127.0.0.1:0\r\n", "\u{feff}localhost:0"] {
        let folder = Folder::new();
        let server = folder.roster(&[]).set("ROSTER_LISTEN", at).serve().await;
        assert!(server.at().ip().is_loopback());
        assert_eq!(server.get("/health/live").await.status, 200, "{at:?}");
    }
}

#[tokio::test]
async fn a_database_in_a_folder_that_does_not_exist_is_refused_and_nothing_is_created() {
    let folder = Folder::new();
    for command in [&["serve"][..], &["migrate"], &["check"], &["users", "list"], &["commands", "list"]] {
        let refused = folder.roster(command).set("DATABASE_URL", "sqlite://typo/dir/x.db").run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains("DATABASE_URL names a file in") && line.contains("ROSTER_DATA_DIR"), "{line}");
    }
    assert!(!folder.path().join("typo").exists() && !folder.path().join("data").exists());
}

#[tokio::test]
async fn a_new_database_file_is_reported_once() {
    const NEW: &str = "a new database file has been created";
    let folder = Folder::new();
    let roster = folder.roster(&[]).set("DATABASE_URL", "sqlite://misspelt.db");
    let ended = roster.serve().await.terminate().await;
    assert!(ended.stderr.contains(NEW) && ended.stderr.contains("misspelt.db"), "{ended:?}");
    let ended = roster.serve().await.terminate().await;
    assert!(!ended.stderr.contains(NEW), "{ended:?}");
    let migrated = folder.roster(&["migrate"]).set("DATABASE_URL", "sqlite://other.db").run(SOON).await;
    assert!(migrated.code == Some(0) && migrated.stderr.contains(NEW), "{migrated:?}");
}

#[tokio::test]
async fn production_checks_the_variables_of_the_client_library_too() {
    let folder = Folder::new();
    let migrate = |url: &str, more: &[(&str, &str)]| {
        let roster = folder.roster(&["migrate"]).set("ROSTER_PROFILE", "production").set("DATABASE_URL", url);
        more.iter().fold(roster, |roster, (name, value)| roster.set(name, value))
    };
    let remote = "postgres://db.invalid/r?sslmode=require";
    for (url, more, says) in [
        (remote, &[("PGUSER", "odd"), ("PGPASSWORD", "odd")][..], "default password"),
        (remote, &[("PGUSER", "odd"), ("PGPASSWORD", "postgres")], "default password"),
        (remote, &[("PGUSER", "odd")], "without a password"),
        ("postgres:///r?user=u&password=p", &[("PGHOST", "db.invalid")], "without encryption"),
        (
            "postgres:///r?user=u&password=p",
            &[("PGHOSTADDR", "192.0.2.1"), ("PGSSLMODE", "prefer")],
            "without encryption",
        ),
    ] {
        let refused = migrate(url, more).run(SOON).await;
        assert!(one_line(&refused).contains(says), "{url} {more:?}: {refused:?}");
    }
    let good = migrate(remote, &[("PGUSER", "odd"), ("PGPASSWORD", "a good one")]).run(SOON).await;
    assert!(
        !one_line(&good).contains("DATABASE_URL"),
        "the settings are accepted, and the server is unreachable: {good:?}"
    );
}
