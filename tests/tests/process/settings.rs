//! Wrong settings: one line that names the setting, and never its value.

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
        ("DATABASE_READ_URL", "postgres://canary", "not yet supported"),
        ("AMQP_URL", "canary", ""),
        ("ROSTER_LISTEN", "canary", "must be an address"),
        ("ROSTER_LISTEN", "127.0.0.1:99999", "must be an address"),
        ("ROSTER_METRICS_LISTEN", "canary", "only \"off\""),
        ("ROSTER_PROFILE", "canary", "must be one of: development, production"),
        ("ROSTER_BCRYPT_COST", "9", "from 10 to 15"),
        ("ROSTER_BCRYPT_COST", "canary", "from 10 to 15"),
        ("ROSTER_LIMITS", "canary", "must be one of: on, off"),
        ("ROSTER_TRUSTED_PROXIES", "canary", "must be addresses and networks"),
        ("ROSTER_TRUSTED_PROXIES", "10.0.0.0/8, canary", "must be addresses and networks"),
        ("ROSTER_DB_CONNECTIONS", "4", "from 5 to 1000"),
        ("ROSTER_MAX_DELAY", "canary", "90s, 30m or 1h"),
        ("ROSTER_IDLE_TIMEOUT", "canary", "90s, 30m or 1h"),
        ("ROSTER_IDLE_TIMEOUT", "0s", "longer than nothing"),
        ("ROSTER_SHUTDOWN_DELAY", "canary", "90s, 30m or 1h"),
        ("ROSTER_CONNECTIONS_PER_ADDRESS", "canary", "from 1 to 10000"),
        ("ROSTER_CONNECTIONS_PER_ADDRESS", "0", "from 1 to 10000"),
        ("ROSTER_DOCS", "canary", "must be one of: on, off"),
        ("ROSTER_MAIL", "smtp://canary", "only \"off\""),
        ("ROSTER_PUBLIC_URL", "canary", "not yet supported"),
        ("ROSTER_KEYS_FILE", "/nowhere/keys", "does not exist"),
        ("ROSTER_LISTNE", "canary", "did you mean ROSTER_LISTEN?"),
        ("ROSTER_PASSWORD", "canary", "unknown setting"),
    ] {
        for command in ["serve", "migrate", "check"] {
            // Only who serves or looks needs keys.
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
async fn a_malformed_broker_is_told_before_the_database_is_touched() {
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
async fn a_wrong_file_of_settings_is_told_without_quoting_it() {
    for (text, says) in [
        ("listen = \"canary\"", "ROSTER_LISTEN must be"),
        ("listne = \"canary\"", "unknown setting ROSTER_LISTNE (did you mean ROSTER_LISTEN?)"),
        ("listen = [\"canary\"]", "listen must be a text"),
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
async fn settings_may_stand_in_the_file() {
    let folder = Folder::new();
    fs::write(folder.path().join("roster.toml"), "data_dir = \"elsewhere\"\ndocs = \"off\"\nbcrypt_cost = 10\n")
        .unwrap();
    let server = folder.roster(&[]).serve().await;
    assert!(server.stdout().contains("sqlite://elsewhere/roster.db") && !server.stdout().contains("docs"));
    assert_eq!(server.get("/docs").await.status, 404);
    assert!(folder.path().join("elsewhere/keys.json").is_file());
}

#[tokio::test]
async fn a_port_in_use_is_told_and_nothing_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new();
    let at = taken.local_addr().unwrap().to_string();
    let refused = folder.roster(&[]).set("ROSTER_LISTEN", &at).run(SOON).await;
    let line = one_line(&refused);
    assert!(line.contains(&at) && line.contains("ROSTER_LISTEN"), "{line}");
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn a_data_directory_that_is_none_is_told() {
    let folder = Folder::new();
    fs::write(folder.path().join("data"), "a file").unwrap();
    for command in ["serve", "migrate"] {
        let refused = folder.roster(&[command]).run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains("data/roster.db"), "{command}: {line}");
    }
    let checked = folder.roster(&["check"]).run(SOON).await;
    assert!(one_line(&checked).contains("data/roster.db"), "{checked:?}");
    // On PostgreSQL it still holds the keys.
    let Some(database) = postgres().await else { return };
    let refused = folder.roster(&[]).set("DATABASE_URL", database).run(SOON).await;
    assert!(one_line(&refused).contains("data/keys.json"), "{refused:?}");
}

#[tokio::test]
async fn keys_that_are_none_are_told_and_never_replaced() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("data")).unwrap();
    let keys = folder.path().join("data/keys.json");
    fs::write(&keys, "{\"private\": \"canary\"}").unwrap();
    let refused = folder.roster(&[]).run(SOON).await;
    let line = one_line(&refused);
    assert!(line.contains("data/keys.json") && !line.contains("canary"), "{line}");
    assert!(fs::read_to_string(&keys).unwrap().contains("canary"));
}
