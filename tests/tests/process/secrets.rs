//! Error messages show nothing of the secrets in settings.

use crate::{SOON, one_line};
use acceptance::process::{Ended, Folder, postgres, rabbitmq};
use std::fs;

/// Part of the users and passwords in these tests. No message contains it otherwise.
const CANARY: &str = "hunter2";

fn shows_no_secret(ended: &Ended) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!ended.stderr.contains(CANARY) && !ended.stdout.contains(CANARY), "{ended:?}");
}

/// The URL with other credentials, given as `user:password`.
fn signed_in_as(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    format!("{scheme}://{user}@{}", rest.rsplit_once('@').unwrap().1)
}

#[tokio::test]
async fn a_url_with_unencoded_delimiters_in_its_password_is_refused_with_the_right_spelling() {
    let folder = Folder::new();
    for (name, url) in [
        ("DATABASE_URL", "postgres://hunter2:p@hunter2/w#hunter2@host/db"),
        ("DATABASE_URL", "postgres://hunter2:p@hunter2/hunter2@host/db"),
        ("DATABASE_URL", "postgres://hunter2:hunter2/p@host/db"),
        ("DATABASE_URL", "postgres://hunter2:hunter2#p@host/db"),
        ("AMQP_URL", "amqp://hunter2:p@hunter2/w#hunter2@host/%2f"),
        ("AMQP_URL", "amqp://hunter2:hunter2?p@host/%2f"),
    ] {
        let secret = folder.path().join("secret");
        fs::write(&secret, format!("{url}\n")).unwrap();
        let key = name.to_lowercase();
        let by_file = folder.roster(&[]).set(&format!("{name}_FILE"), &secret);
        for roster in [folder.roster(&[]).set(name, url), by_file] {
            let refused = roster.run(SOON).await;
            shows_no_secret(&refused);
            assert!(one_line(&refused).contains(name) && refused.stderr.contains("%40"), "{refused:?}");
        }
        let other = Folder::new();
        fs::write(other.path().join("roster.toml"), format!("{key} = \"{url}\"\n")).unwrap();
        let refused = other.roster(&[]).run(SOON).await;
        shows_no_secret(&refused);
        assert!(one_line(&refused).contains(&key), "{refused:?}");
    }
}

#[tokio::test]
async fn a_settings_file_that_is_not_toml_is_reported_with_the_line() {
    for text in [
        "docs = \"on\"\ndatabase_url = postgres://hunter2:hunter2@host/db\n",
        "docs = \"on\"\ndatabase_url: \"postgres://hunter2:hunter2@host/db\"\n",
        "docs = \"on\"\ndatabase_url = \"postgres://hunter2:hunter2@host/db\n",
        "docs = \"on\"\nadmin_password = hunter2\n",
        "docs = \"on\"\nadmin_password = 'hunter2\\' hunter2'\n",
        "docs = \"on\"\nadmin_password = \"\\hunter2\"\n",
        "docs = \"on\"\n\"postgres://hunter2:hunter2@host/db\"\n",
        "docs = \"on\"\n[hunter2\n",
    ] {
        let folder = Folder::new();
        fs::write(folder.path().join("roster.toml"), text).unwrap();
        let refused = folder.roster(&[]).run(SOON).await;
        shows_no_secret(&refused);
        assert!(one_line(&refused).contains("roster.toml is not TOML: line "), "{refused:?}");
    }
    for text in
        ["\"postgres://hunter2@host\" = 1\n", "[\"hunter2 hunter2\"]\na = 1\n", "admin_password = [\"hunter2\"]\n"]
    {
        let folder = Folder::new();
        fs::write(folder.path().join("roster.toml"), text).unwrap();
        shows_no_secret(&folder.roster(&[]).run(SOON).await);
    }
}

#[tokio::test]
async fn a_secret_on_the_command_line_is_not_shown() {
    let folder = Folder::new();
    for arguments in [
        &["serve", "postgres://hunter2:hunter2@host/db"][..],
        &["--database-url=postgres://hunter2:hunter2@host/db"],
        &["--database-url", "postgres://hunter2:hunter2@host/db"],
        &["users", "create", "ada@example.org", "hunter2"],
        &["users", "create", "ada@example.org", "--password", "hunter2"],
        &["users", "create", "ada@example.org", "--password=hunter2"],
        &["users", "create", "ada@example.org", "--password-stdin=hunter2"],
        &["check", "hunter2"],
        &["amqp://hunter2@host"],
    ] {
        shows_no_secret(&folder.roster(arguments).run(SOON).await);
    }
    let misspelt = folder.roster(&["serv"]).run(SOON).await;
    assert!(misspelt.code == Some(2) && misspelt.stderr.contains("serv"), "{misspelt:?}");
    let misspelt = folder.roster(&["serve", "--rol", "api"]).run(SOON).await;
    assert!(misspelt.code == Some(2) && misspelt.stderr.contains("--rol"), "{misspelt:?}");
}

#[tokio::test]
async fn a_sign_in_that_postgresql_refuses_is_reported_without_the_user() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    for user in ["hunter2:hunter2", "hunter2"] {
        for command in ["serve", "migrate"] {
            let url = signed_in_as(&database, user);
            let refused = folder.roster(&[command]).set("DATABASE_URL", &url).run(SOON).await;
            shows_no_secret(&refused);
            assert!(refused.stderr.contains("DATABASE_URL"), "{refused:?}");
        }
    }
    let (server, _) = database.rsplit_once('/').unwrap();
    let refused = folder.roster(&[]).set("DATABASE_URL", format!("{server}/hunter2")).run(SOON).await;
    shows_no_secret(&refused);
    assert!(refused.stderr.contains("no such database"), "{refused:?}");
}

#[tokio::test]
async fn a_sign_in_that_rabbitmq_refuses_is_reported_without_the_user() {
    let (Some(database), Some(broker)) = (postgres().await, rabbitmq()) else { return };
    let folder = Folder::new();
    for url in [signed_in_as(&broker, "hunter2:hunter2"), signed_in_as(&broker, "hunter2")] {
        let roster = folder.roster(&[]).set("DATABASE_URL", &database).set("AMQP_URL", &url);
        let server = roster.serve().await;
        let message = "cannot use RabbitMQ";
        server.logs(message).await;
        let ended = server.terminate().await;
        assert!(ended.code == Some(0) && !ended.stderr.contains(CANARY), "{ended:?}");
    }
}
