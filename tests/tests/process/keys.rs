//! The key file belongs to one installation: the database records which keys are in use.

use crate::{SOON, answer, databases, new_person, on, one_line, refusal};
use acceptance::process::{Ended, Folder, Roster, Server, postgres, until};
use persistence::{Db, execute, fetch_all};
use serde_json::{Value, json};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

const PASSWORD: &str = "drei blaue Würfel rollen";
/// How long a running server may take to notice that its keys have changed.
const SEEN: Duration = Duration::from_secs(20);

/// The ids of the first sealing key and the first signing key in a file.
fn kids(file: &Path) -> [String; 2] {
    let file: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    ["sealing", "signing"].map(|kind| file[kind][0]["kid"].as_str().unwrap().to_owned())
}

/// Opens the database of a folder directly.
async fn db(folder: &Folder, database: Option<&String>) -> Db {
    let file = || format!("sqlite://{}", folder.path().join("data/roster.db").display());
    Db::open_unlocked(&database.cloned().unwrap_or_else(file).parse().unwrap()).await.unwrap()
}

async fn change(folder: &Folder, database: Option<&String>, sql: &'static str) {
    let db = db(folder, database).await;
    let mut tx = db.begin().await.unwrap();
    execute!(&mut tx, sql).unwrap();
    tx.commit().await.unwrap();
    db.close().await;
}

/// Waits until readiness answers this status and this health of the keys.
async fn ready(server: &Server, status: u16, keys: &str) {
    until(SEEN, keys, async || {
        let ready = server.get("/health/ready").await;
        (ready.status == status && ready.json()["checks"]["keys"] == keys).then_some(())
    })
    .await;
}

/// The finding of `roster check` about the keys: whether it is ok, and its text.
fn check_of_keys(ended: &Ended) -> (bool, String) {
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let check = report["checks"].as_array().unwrap().iter().find(|it| it["check"] == "keys").unwrap();
    assert_eq!(ended.code, Some(i32::from(report["ok"] == false)), "{ended:?}");
    (check["ok"] == true, check["detail"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_lost_key_file_is_reported_by_name_and_not_created_again() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        let server = roster(&[]).serve().await;
        assert_eq!(server.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201);
        ready(&server, 200, "ok").await;
        let file = folder.path().join("data/keys.json");
        let kids = kids(&file);
        let saved = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();

        ready(&server, 200, "degraded").await;
        assert_eq!(server.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201, "it goes on");
        server.logs("keys.json does not exist").await;
        let (is_well, says) = check_of_keys(&roster(&["check", "--json"]).run(SOON).await);
        assert!(!is_well && kids.iter().all(|kid| says.contains(kid)), "{says}");
        let create = ["users", "create", "eve@example.org", "--password-stdin"];
        for arguments in
            [&create[..], &["keys", "list"], &["keys", "rotate"], &["users", "deactivate", "x@example.org"]]
        {
            let refused = roster(arguments).reading(PASSWORD).run(SOON).await;
            let line = one_line(&refused);
            assert!(kids.iter().all(|kid| line.contains(kid)), "{arguments:?}: {line}");
        }
        assert!(!file.exists(), "nothing has made one");
        assert_eq!(server.terminate().await.code, Some(0));
        let refused = roster(&[]).run(SOON).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(!file.exists() && kids.iter().all(|kid| refused.stderr.contains(kid)), "{refused:?}");

        fs::write(&file, saved).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        ready(&roster(&[]).serve().await, 200, "ok").await;
    }
}

#[tokio::test]
async fn another_installations_key_file_is_refused_and_both_are_named() {
    let other = Folder::new();
    assert_eq!(on(&other, None, &[]).serve().await.terminate().await.code, Some(0));
    let foreign = other.path().join("data/keys.json");
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        let server = roster(&[]).serve().await;
        let own = kids(&folder.path().join("data/keys.json"));
        let [sealing, _] = kids(&foreign);
        let given = |arguments: &[&str]| roster(arguments).set("ROSTER_KEYS_FILE", &foreign);
        let create = ["users", "create", "eve@example.org", "--password-stdin"];
        for arguments in [&create[..], &["keys", "list"], &["keys", "retire", &sealing]] {
            let refused = given(arguments).reading(PASSWORD).run(SOON).await;
            let line = one_line(&refused);
            assert!(line.contains(&own[0]) && line.contains(&sealing), "{arguments:?}: {line}");
        }
        let (is_well, says) = check_of_keys(&given(&["check", "--json"]).run(SOON).await);
        assert!(!is_well && says.contains(&own[0]) && says.contains(&sealing), "{says}");

        // Under a running server: the keys in memory stay.
        let file = folder.path().join("data/keys.json");
        let saved = fs::read(&file).unwrap();
        fs::copy(&foreign, &file).unwrap();
        ready(&server, 200, "degraded").await;
        let shown = server.get("/.well-known/jwks.json").await.json();
        assert_eq!(shown["keys"][0]["kid"], own[1], "{shown}");
        assert_eq!(server.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201);
        fs::write(&file, saved).unwrap();
        ready(&server, 200, "ok").await;

        // Now the database records other keys, so the server does not belong to the installation any more.
        change(&folder, database.as_ref(), "update auth_keys set public = 'another', kid = 'another'").await;
        ready(&server, 503, "down").await;
        assert_eq!(server.terminate().await.code, Some(0));
        let refused = roster(&[]).run(SOON).await;
        assert!(refused.code == Some(2) && refused.stderr.contains("database is another"), "{refused:?}");
        assert!(refused.stderr.contains(&own[0]), "{refused:?}");
    }
}

#[tokio::test]
async fn keys_that_are_not_recorded_are_recorded_at_the_next_start() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        let create = |email| roster(&["users", "create", email, "--password-stdin"]).reading(PASSWORD);
        let before = create("ada@example.org").run(SOON).await;
        assert_eq!(before.code, Some(0), "{before:?}");
        // The state that an earlier version leaves behind.
        change(&folder, database.as_ref(), "delete from auth_keys").await;
        let (is_well, says) = check_of_keys(&roster(&["check", "--json"]).run(SOON).await);
        assert!(is_well && says.contains("the next start records it"), "{says}");
        let file = folder.path().join("data/keys.json");
        let away = folder.path().join("away.json");
        fs::rename(&file, &away).unwrap();
        for arguments in [&[][..], &["users", "create", "eve@example.org", "--password-stdin"]] {
            let refused = roster(arguments).reading(PASSWORD).run(SOON).await;
            assert!(refused.code == Some(2) && refused.stderr.contains("the database has users"), "{refused:?}");
        }
        assert!(!file.exists());
        fs::rename(&away, &file).unwrap();

        assert_eq!(roster(&[]).serve().await.terminate().await.code, Some(0));
        let db = db(&folder, database.as_ref()).await;
        let mut read = db.read().await.unwrap();
        let sql = "select kid from auth_keys where retired_at is null and kind <> 'factors' order by kind";
        let recorded: Vec<(String,)> = fetch_all!(&mut read, (String,), sql).unwrap();
        assert_eq!(recorded.into_iter().map(|(kid,)| kid).collect::<Vec<_>>(), kids(&file));
        drop(read);
        db.close().await;
    }
}

#[tokio::test]
async fn an_installation_that_is_older_than_second_factors_gets_their_key_and_one_with_a_copy_of_the_file_says_so() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        assert_eq!(roster(&[]).serve().await.terminate().await.code, Some(0));
        let file = folder.path().join("data/keys.json");
        let first: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let mut older = first.clone();
        older.as_object_mut().unwrap().remove("factors").unwrap();
        fs::write(&file, older.to_string()).unwrap();
        // The database has recorded the key: this is an older copy of the file.
        let server = roster(&[]).serve().await;
        ready(&server, 200, "degraded").await;
        assert_eq!(server.terminate().await.code, Some(0));
        // The database is older, too.
        change(&folder, database.as_ref(), "delete from auth_keys where kind = 'factors'").await;
        let server = roster(&[]).serve().await;
        ready(&server, 200, "ok").await;
        assert_eq!(server.terminate().await.code, Some(0));
        let now: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!((&now["sealing"], &now["signing"]), (&first["sealing"], &first["signing"]));
        assert!(now["factors"][0]["kid"].is_string() && now["factors"] != first["factors"], "a new key");
    }
}

#[tokio::test]
async fn two_first_nodes_with_separate_folders_record_the_keys_of_one_and_the_other_exits() {
    for _ in 0..4 {
        let Some(database) = postgres().await else { return };
        let folders = [Folder::new(), Folder::new()];
        let migrated = on(&folders[0], Some(&database), &["migrate"]).run(SOON).await;
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        let mut nodes = folders.each_ref().map(|folder| Some(on(folder, Some(&database), &[]).start()));
        let lost = until(SEEN * 2, "node that exits", async || {
            nodes.iter_mut().position(|it| it.as_mut().is_some_and(Server::has_ended))
        });
        let lost = lost.await;
        let ended = nodes[lost].take().unwrap().end(SOON).await;
        assert!(ended.code == Some(2) && ended.stderr.contains("keys.json"), "{ended:?}");
        assert!(!folders[lost].path().join("data/keys.json").exists(), "it has created no key file");
        let mut won = nodes[1 - lost].take().unwrap();
        won.serves().await;
        ready(&won, 200, "ok").await;
    }
}

#[tokio::test]
async fn a_rotation_and_a_retirement_are_recorded_and_an_older_copy_is_reported() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let roster = |arguments: &[&str]| on(&folder, Some(&database), arguments);
    let first = roster(&[]).serve().await;
    let file = folder.path().join("data/keys.json");
    let copy = folder.path().join("copy.json");
    let bring = || {
        fs::copy(&file, folder.path().join("new.json")).unwrap();
        fs::rename(folder.path().join("new.json"), &copy).unwrap();
    };
    bring();
    let given = |arguments: &[&str]| roster(arguments).set("ROSTER_KEYS_FILE", &copy);
    let second = given(&["serve", "--role", "api"]).serve().await;
    ready(&second, 200, "ok").await;

    let rotated = answer(&roster(&["keys", "rotate", "--now", "--json"]).run(SOON).await);
    let new = rotated["kid"].as_str().unwrap();
    ready(&first, 200, "ok").await;
    ready(&second, 200, "degraded").await;
    let (is_well, says) = check_of_keys(&given(&["check", "--json"]).run(SOON).await);
    assert!(!is_well && says.contains(new), "{says}");
    bring();
    ready(&second, 200, "ok").await;

    let [_, old] = kids(&file);
    assert_eq!(answer(&roster(&["keys", "retire", &old, "--json"]).run(SOON).await)["retired"], true);
    ready(&first, 200, "ok").await;
    ready(&second, 200, "degraded").await;
    let (is_well, says) = check_of_keys(&given(&["check", "--json"]).run(SOON).await);
    assert!(!is_well && says.contains(&old) && says.contains("retired"), "{says}");
    bring();
    ready(&second, 200, "ok").await;
    let (is_well, says) = check_of_keys(&given(&["check", "--json"]).run(SOON).await);
    assert!(is_well, "{says}");

    // A rotation that was interrupted after the change of the file: the next process that reads the file records the
    // key.
    change(&folder, Some(&database), "delete from auth_keys where kind = 'signing' and kid <> 'x'").await;
    change(&folder, Some(&database), "insert into auth_keys (kind, kid, public) values ('signing', 'gone', 'gone')")
        .await;
    ready(&first, 503, "down").await;
    assert_eq!(second.terminate().await.code, Some(0));
    assert_eq!(first.terminate().await.code, Some(0));
}

#[tokio::test]
async fn an_api_with_public_keys_only_is_one_of_the_nodes() {
    let Some(database) = postgres().await else { return };
    let folder = Folder::new();
    let roster = |arguments: &[&str]| on(&folder, Some(&database), arguments);
    let worker = roster(&["serve", "--role", "worker"]).serve().await;
    let mut keys: Value = serde_json::from_slice(&fs::read(folder.path().join("data/keys.json")).unwrap()).unwrap();
    keys["sealing"][0].as_object_mut().unwrap().remove("private");
    fs::write(folder.path().join("public.json"), keys.to_string()).unwrap();
    let api = roster(&["serve", "--role", "api"]).set("ROSTER_KEYS_FILE", "public.json").serve().await;
    ready(&api, 200, "ok").await;
    assert_eq!(api.sign_up(&[("prefer", "wait=20")], &new_person()).await.status, 201);
    assert_eq!(worker.terminate().await.code, Some(0));
}

#[tokio::test]
async fn lost_keys_are_replaced_with_force() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        let create = |email| roster(&["users", "create", email, "--password-stdin"]).reading(PASSWORD);
        assert_eq!(create("ada@example.org").run(SOON).await.code, Some(0));
        let not_needed = roster(&["keys", "replace", "--force"]).run(SOON).await;
        assert!(refusal(&not_needed).contains("nothing to replace"), "{not_needed:?}");
        let file = folder.path().join("data/keys.json");
        let before = kids(&file);
        fs::remove_file(&file).unwrap();
        let asked = roster(&["keys", "replace"]).run(SOON).await;
        assert!(asked.code == Some(3) && asked.stderr.contains("--force") && !file.exists(), "{asked:?}");
        let replaced = answer(&roster(&["keys", "replace", "--force", "--json"]).run(SOON).await);
        assert_eq!(replaced["sealing"][0]["kid"], kids(&file)[0]);
        assert_ne!(kids(&file), before);
        let server = roster(&[]).serve().await;
        ready(&server, 200, "ok").await;
        assert_eq!(server.sign_in("ada@example.org", PASSWORD).await.status, 200, "hashes are not touched");
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test]
async fn with_any_umask_every_file_is_private_to_its_owner() {
    let folder = Folder::new();
    let roster = |arguments: &[&str]| on(&folder, None, arguments).under(&["sh", "-c", "umask 000; exec \"$@\"", "sh"]);
    let server = roster(&[]).serve().await;
    assert_eq!(roster(&["keys", "rotate"]).run(SOON).await.code, Some(0));
    let files: Vec<_> = fs::read_dir(folder.path().join("data")).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 5 && files.iter().any(|file| file.ends_with("keys.lock")), "{files:?}");
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_awaited_for_seconds_and_its_holder_is_named() {
    let folder = Folder::new();
    let server = on(&folder, None, &[]).serve().await;
    let lock = File::create(folder.path().join("data/keys.lock")).unwrap();
    lock.lock().unwrap();
    let refused = on(&folder, None, &["keys", "rotate", "--now"]).run(SOON).await;
    let line = one_line(&refused);
    assert!(line.contains("keys.lock"), "{line}");
    #[cfg(target_os = "linux")]
    assert!(line.contains(&format!("process {} ", std::process::id())), "{line}");
    drop(lock);
    let second = on(&folder, None, &[]).run(SOON).await;
    let line = one_line(&second);
    assert!(line.contains("serves"), "{line}");
    #[cfg(target_os = "linux")]
    assert!(line.contains(&format!("({})", server.id())), "{line}");
}

/// A command in the production profile, on a migrated database.
fn in_production(folder: &Folder, arguments: &[&str]) -> Roster {
    folder.roster(arguments).set("ROSTER_PROFILE", "production")
}

#[tokio::test]
async fn production_refuses_files_with_secrets_that_others_can_read() {
    let folder = Folder::new();
    assert_eq!(in_production(&folder, &["migrate"]).run(SOON).await.code, Some(0));
    assert_eq!(in_production(&folder, &[]).serve().await.terminate().await.code, Some(0));
    let keys = folder.path().join("data/keys.json");
    let secret = folder.path().join("password");
    fs::write(&secret, PASSWORD).unwrap();
    let settings = folder.path().join("roster.toml");
    fs::write(&settings, format!("admin_email = \"ada@example.org\"\nadmin_password = \"{PASSWORD}\"\n")).unwrap();
    let with = |file: &Path| {
        let check = in_production(&folder, &["check"]);
        if file == secret {
            check.set("ROSTER_ADMIN_EMAIL", "ada@example.org").set("ROSTER_ADMIN_PASSWORD_FILE", &secret)
        } else {
            check
        }
    };
    let mode = |file: &Path, mode| fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    mode(&settings, 0o600);
    for file in [&keys, &secret, &settings] {
        // As Kubernetes mounts a secret: readable by the group of the process.
        for private in [0o600, 0o400, 0o440, 0o660] {
            mode(file, private);
            let passes = with(file).run(SOON).await;
            assert_eq!(passes.code, Some(0), "{private:o} {}: {passes:?}", file.display());
        }
        for open in [0o644, 0o444, 0o604, 0o602] {
            mode(file, open);
            let refused = with(file).run(SOON).await;
            assert!(refused.code != Some(0), "{open:o}: {refused:?}");
            let says = format!("{}{}", refused.stdout, refused.stderr);
            assert!(says.contains("others on this machine can read or change"), "{open:o}: {refused:?}");
            assert!(!says.contains("Würfel"), "{refused:?}");
            let developing = with(file).set("ROSTER_PROFILE", "development").run(SOON).await;
            assert_eq!(developing.code, Some(0), "{developing:?}");
        }
        mode(file, 0o440);
        // Only root may give a file to another group.
        if std::os::unix::fs::chown(file, None, Some(54_321)).is_ok() {
            let refused = with(file).run(SOON).await;
            assert!(refused.code != Some(0), "another group's: {refused:?}");
            std::os::unix::fs::chown(file, None, Some(fs::metadata(folder.path()).unwrap().gid())).unwrap();
        }
        mode(file, 0o600);
    }
    let database = folder.path().join("data/roster.db");
    let client_key = folder.path().join("client.key");
    fs::write(&client_key, "the key of a certificate").unwrap();
    let certified = format!("postgres://u:p@127.0.0.1:1/roster?sslkey={}", client_key.display());
    for (file, url) in [(&database, "sqlite://data/roster.db"), (&client_key, certified.as_str())] {
        mode(file, 0o644);
        let refused = in_production(&folder, &["check"]).set("DATABASE_URL", url).run(SOON).await;
        let name = file.file_name().unwrap().to_str().unwrap();
        let says =
            refused.stderr.contains("others on this machine can read or change") && refused.stderr.contains(name);
        assert!(refused.code == Some(2) && says, "{refused:?}");
        mode(file, 0o600);
        let passes = in_production(&folder, &["check"]).set("DATABASE_URL", url).run(SOON).await;
        assert!(!passes.stderr.contains("others on this machine"), "{passes:?}");
    }
    fs::write(&settings, "bcrypt_cost = 10\ndatabase_url = \"sqlite://data/roster.db\"\n").unwrap();
    mode(&settings, 0o644);
    let no_secret = in_production(&folder, &["check"]).run(SOON).await;
    assert_eq!(no_secret.code, Some(0), "there is no secret in it: {no_secret:?}");
}

#[tokio::test]
async fn a_subscription_without_a_handler_is_named_by_start_and_check() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        assert_eq!(roster(&[]).serve().await.terminate().await.code, Some(0));
        let newer =
            "insert into ledger_subscriptions (event, context, lane) values ('users.user_praised.v1', 'auth', 'fast')";
        change(&folder, database.as_ref(), newer).await;
        let checked = roster(&["check"]).run(SOON).await;
        let line = checked.stdout.lines().find(|line| line.starts_with("FAIL")).unwrap();
        assert!(checked.code == Some(1) && line.contains("users.user_praised.v1 in auth"), "{checked:?}");
        let server = roster(&[]).serve().await;
        server.logs("users.user_praised.v1 in auth").await;
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test]
async fn an_operator_sets_a_forgotten_password_beside_a_server_and_without_one() {
    const NEW: &str = "a pair of yellow boots";
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        let create = roster(&["users", "create", "ada@example.org", "--password-stdin", "--json"]);
        let ada = answer(&create.reading(PASSWORD).run(SOON).await);
        let server = roster(&[]).serve().await;
        let token =
            server.sign_in("ada@example.org", PASSWORD).await.json()["access_token"].as_str().unwrap().to_owned();
        let set = |user: &str, password: &str| {
            roster(&["users", "set-password", user, "--password-stdin", "--json"]).reading(password)
        };
        let weak = set("ada@example.org", "canary").run(SOON).await;
        assert!(
            weak.code == Some(1) && weak.stderr.contains("at least 15") && !weak.stderr.contains("canary"),
            "{weak:?}"
        );
        let own = set("ada@example.org", "ada@example.org").run(SOON).await;
        assert_eq!(own.code, Some(1), "{own:?}");
        assert_eq!(server.ask("GET", "/users/me", &token, None).await.status, 200, "nothing has happened yet");
        let unknown = set("eve@example.org", NEW).run(SOON).await;
        assert_eq!(unknown.code, Some(1), "{unknown:?}");

        let done = answer(&set("Ada@example.org", &format!("{NEW}\n")).run(SOON).await);
        assert_eq!((&done["id"], &done["sessions"]), (&ada["id"], &json!(0)));
        assert_eq!(server.ask("GET", "/users/me", &token, None).await.status, 401, "their sessions have ended");
        assert_eq!(server.sign_in("ada@example.org", PASSWORD).await.status, 401);
        assert_eq!(server.sign_in("ada@example.org", NEW).await.status, 200);
        let key = ["service-keys", "create", "audit", "--scope", "audit:read", "--json"];
        let key = answer(&roster(&key).run(SOON).await)["key"].as_str().unwrap().to_owned();
        let record = server.ask("GET", "/audit-events?action=password.change", &key, None).await.json();
        let line = &record["data"][0];
        assert_eq!((&line["actor"], &line["outcome"]), (&json!("operator"), &json!("succeeded")), "{record}");
        assert_eq!(server.terminate().await.code, Some(0));

        answer(&set(ada["id"].as_str().unwrap(), PASSWORD).run(SOON).await);
        let server = roster(&[]).serve().await;
        assert_eq!(server.sign_in("ada@example.org", PASSWORD).await.status, 200, "by id, without a server");
        assert_eq!(server.terminate().await.code, Some(0));
        assert!(!folder.printed().contains("yellow") && !folder.printed().contains("Würfel"));
    }
}
