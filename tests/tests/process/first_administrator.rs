//! The first administrator from the settings, as in a container.

use crate::{SOON, answer, databases, on, one_line};
use acceptance::process::{Folder, Roster, postgres, until};
use serde_json::Value;
use std::fs;

const PASSWORD: &str = "drei blaue Würfel rollen";
const MADE: &str = "is the first administrator";
const NOT_MADE: &str = "ROSTER_ADMIN_EMAIL cannot become one";

fn with_administrator(roster: Roster, folder: &Folder, password: &str) -> Roster {
    let file = folder.path().join("password");
    fs::write(&file, format!("{password}\n")).unwrap();
    roster.set("ROSTER_ADMIN_EMAIL", "Ada@example.org").set("ROSTER_ADMIN_PASSWORD_FILE", file)
}

async fn users(roster: &Roster) -> Vec<Value> {
    answer(&roster.run(SOON).await).as_array().unwrap().clone()
}

#[tokio::test]
async fn the_first_start_creates_an_administrator_and_the_next_does_not() {
    for database in databases().await {
        let folder = Folder::new();
        let list = on(&folder, database.as_ref(), &["users", "list", "--json"]);
        let serve = with_administrator(on(&folder, database.as_ref(), &[]), &folder, PASSWORD);
        let server = serve.serve().await;
        server.logs(MADE).await;
        let made = users(&list).await;
        assert_eq!((made.len(), &made[0]["role"], &made[0]["email"]), (1, &"admin".into(), &"Ada@example.org".into()));
        assert_eq!(server.sign_in("ada@example.org", PASSWORD).await.status, 200);
        assert_eq!(server.terminate().await.code, Some(0));

        // Later changes of roles stay, and another password in the settings changes nothing.
        let server = with_administrator(serve, &folder, "another good password").serve().await;
        assert_eq!(server.sign_in("ada@example.org", PASSWORD).await.status, 200);
        let ended = server.terminate().await;
        assert!(!ended.stderr.contains(MADE) && !ended.stderr.contains(NOT_MADE), "{ended:?}");
        assert!(!folder.printed().contains("Würfel") && !folder.printed().contains("another good"));
    }
}

#[tokio::test]
async fn an_existing_user_gets_the_role_only_if_the_password_fits() {
    for database in databases().await {
        let folder = Folder::new();
        let list = on(&folder, database.as_ref(), &["users", "list", "--json"]);
        let create = on(&folder, database.as_ref(), &["users", "create", "ada@example.org", "--password-stdin"]);
        assert_eq!(create.reading(PASSWORD).run(SOON).await.code, Some(0));
        let serve = || on(&folder, database.as_ref(), &[]);

        let server = with_administrator(serve(), &folder, "another user's password").serve().await;
        server.logs(NOT_MADE).await;
        assert_eq!(users(&list).await[0]["role"], "user");
        assert_eq!(server.terminate().await.code, Some(0));
        let refused = with_administrator(serve(), &folder, "weak").run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains("ROSTER_ADMIN_PASSWORD must be at least 15") && !line.contains("weak"), "{line}");

        let server = with_administrator(serve(), &folder, PASSWORD).serve().await;
        server.logs(MADE).await;
        assert_eq!(users(&list).await[0]["role"], "admin");
    }
}

#[tokio::test]
async fn nodes_that_start_together_create_one_administrator() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let migrated = on(&folder, Some(&database), &["migrate"]).run(SOON).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let serve = with_administrator(on(&folder, Some(&database), &[]), &folder, PASSWORD);
    let mut servers = [serve.start(), serve.start(), serve.start(), serve.start()];
    for server in &mut servers {
        server.serves().await;
    }
    let list = on(&folder, Some(&database), &["users", "list", "--json"]);
    until(SOON, "administrator", async || servers.iter().any(|it| it.stderr().contains(MADE)).then_some(())).await;
    let made = users(&list).await;
    assert_eq!((made.len(), &made[0]["role"]), (1, &"admin".into()));
    let commands = answer(&on(&folder, Some(&database), &["commands", "list", "--json"]).run(SOON).await);
    let registrations = commands.as_array().unwrap().iter().filter(|it| it["type"] == "users.register_user.v1").count();
    assert_eq!(registrations, 1, "{commands}");
    for server in servers {
        let ended = server.terminate().await;
        assert!(ended.code == Some(0) && !ended.stderr.contains(NOT_MADE), "{ended:?}");
    }
}

#[tokio::test]
async fn an_email_without_a_password_or_the_reverse_is_refused() {
    let folder = Folder::new();
    for (name, value) in [("ROSTER_ADMIN_EMAIL", "ada@example.org"), ("ROSTER_ADMIN_PASSWORD", "canary")] {
        let refused = folder.roster(&[]).set(name, value).run(SOON).await;
        let line = one_line(&refused);
        assert!(line.contains("ROSTER_ADMIN_EMAIL") && line.contains("ROSTER_ADMIN_PASSWORD"), "{line}");
        assert!(!line.contains("canary"), "{line}");
    }
    let wrong =
        folder.roster(&[]).set("ROSTER_ADMIN_EMAIL", "canary").set("ROSTER_ADMIN_PASSWORD", "x").run(SOON).await;
    assert!(one_line(&wrong).contains("must be an email address") && !wrong.stderr.contains("canary"), "{wrong:?}");
}
