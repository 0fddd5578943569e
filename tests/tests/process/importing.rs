//! Operators move users in from files of other systems.

use crate::{SOON, answer, databases, on};
use acceptance::process::{Folder, until};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const PASSWORD: &str = "drei blaue Würfel rollen";
/// The hash of [`PASSWORD`] by bcrypt.
const HASH: &str = "$2b$10$EzWLjtgrSixaHsXvoB0WUOtIh1K.UCOX0sZlmao2AqW8.byOqD2Vm";
/// The MD5 digest of [`PASSWORD`].
const MD5: &str = "75ac148d9b9c667083377c97a0c48a3f";
/// How long an import of some ten thousand rows may take on a busy machine.
const LONG: Duration = Duration::from_secs(300);

fn write(folder: &Folder, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Rows of users without passwords.
fn many(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        writeln!(text, r#"{{"ref": "r{n}", "email": "user{n}@example.org", "name": "User {n}"}}"#).unwrap();
        text
    })
}

#[tokio::test]
async fn imported_users_sign_in_with_their_old_password_and_a_second_import_changes_nothing() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), &[&["users"], arguments].concat());
        let first = roster(&["create", "first@example.org", "--password-stdin"]).reading(PASSWORD).run(SOON).await;
        assert_eq!(first.code, Some(0), "{first:?}");
        let rows = [
            json!({ "ref": "1", "email": "Ada@example.org", "name": "Ada", "password_hash": HASH, "email_verified": true,
                "role": "admin", "created_at": "2019-01-02T03:04:05Z" }),
            json!({ "ref": "2", "email": "eve@example.org", "password_hash": HASH, "status": "deactivated" }),
            json!({ "ref": "3", "email": "bob@example.org" }),
            json!({ "ref": "4", "email": "mallory@example.org", "password_hash": MD5 }),
        ];
        let text = rows.map(|row| row.to_string()).join("\n");
        let file = write(&folder, "users.ndjson", &text);
        let import = async |more: &[&str]| {
            let import = [&["import", file.to_str().unwrap(), "--json"], more].concat();
            roster(&import).run(SOON).await
        };
        let dry = answer(&import(&["--dry-run"]).await);
        assert_eq!(dry, json!({ "total": 4, "imported": 0, "errors": 0, "cancelled": false }));
        let done = answer(&import(&[]).await);
        assert_eq!(done, json!({ "total": 4, "imported": 4, "errors": 0, "cancelled": false }), "without a server");

        let server = on(&folder, database.as_ref(), &[]).serve().await;
        let again = answer(&import(&[]).await);
        assert_eq!(again["errors"], 0, "beside a server: {again}");
        let signed_in = server.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
        let me = server.ask("GET", "/users/me", &token, None).await.json();
        let expected = (&json!("Ada"), &json!("2019-01-02T03:04:05.000000Z"), &json!(true), &json!("admin"));
        assert_eq!((&me["name"], &me["created_at"], &me["email_verified"], &me["role"]), expected);
        let list = server.ask("GET", "/users", &token, None).await.json();
        assert_eq!(list["count"], 5, "{list}");
        let signed_in = server.sign_in("mallory@example.org", PASSWORD).await;
        assert_eq!(signed_in.status, 200, "the digest is wrapped: {signed_in:?}");
        assert_eq!(server.sign_in("eve@example.org", PASSWORD).await.status, 401, "deactivated");
        assert_eq!(server.sign_in("bob@example.org", PASSWORD).await.status, 401, "no password");
        let erase = ["erase", "bob@example.org", "--reason", "a letter", "--force"];
        assert_eq!(roster(&erase).run(SOON).await.code, Some(0));
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test]
async fn each_row_with_an_error_has_its_line_and_the_others_are_imported() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), &[&["users"], arguments].concat());
        roster(&["create", "taken@example.org", "--password-stdin"]).reading(PASSWORD).run(SOON).await;
        let text = r#"{"email": "ada@example.org", "ref": "1"}
            {"email": "nobody"}
            {"email": "TAKEN@example.org"}
            {"email": "eve@example.org", "ref": "1"}
            {"email": "bob@example.org", "password_hash": "$2b$31$W96HjuLz..MT6UyF4KBZrOP4h.T76KFACYB0TXceR.4/U4wgJBhtG"}
            {"email": "bob@example.org", "canary": 1}"#;
        let file = write(&folder, "users.ndjson", text);
        let errors = folder.path().join("errors.ndjson");
        let import = ["import", file.to_str().unwrap(), "--errors", errors.to_str().unwrap()];
        let ended = roster(&import).run(SOON).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), "1 of 6 rows imported, 5 with errors\n"),
            "{ended:?}"
        );
        assert_eq!(ended.stderr, "roster: 5 rows have errors\n");
        let errors = fs::read_to_string(errors).unwrap();
        let errors: Vec<Value> = errors.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let codes: Vec<_> =
            errors.iter().map(|it| (it["line"].as_i64().unwrap(), it["code"].as_str().unwrap())).collect();
        let expected = [
            (2, "email_invalid"),
            (3, "email_taken"),
            (4, "ref_repeated"),
            (5, "password_hash_too_costly"),
            (6, "unknown_field"),
        ];
        assert_eq!(codes, expected);
        let list = answer(&roster(&["list", "--json"]).run(SOON).await);
        assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    }
}

#[tokio::test]
async fn an_import_goes_on_after_kill_9_without_doubles() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        roster(&["users", "create", "ada@example.org", "--admin", "--password-stdin"])
            .reading(PASSWORD)
            .run(SOON)
            .await;
        let file = write(&folder, "users.ndjson", &many(10_000));
        let mut server = roster(&[]).serve().await;
        let token =
            server.sign_in("ada@example.org", PASSWORD).await.json()["access_token"].as_str().unwrap().to_owned();
        let count = async |server: &acceptance::process::Server| {
            let list = server.ask("GET", "/users?limit=1&name_prefix=user&domain=example.org", &token, None).await;
            list.json()["count"].as_i64().unwrap_or_default()
        };
        let import = ["users", "import", file.to_str().unwrap(), "--json"];
        let import = roster(&import).start();
        until(LONG, "first rows", async || (count(&server).await > 0).then_some(())).await;
        server.kill_9_and_restart().await;
        let ended = import.end(LONG).await;
        assert_eq!(answer(&ended), json!({ "total": 10_000, "imported": 10_000, "errors": 0, "cancelled": false }));
        let last = server.ask("GET", "/users/by-email/user9999@example.org", &token, None).await;
        assert_eq!(last.json()["name"], "User 9999", "{last:?}");
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test]
async fn an_export_with_hashes_imports_unchanged_elsewhere() {
    for database in databases().await {
        let (here, there) = (Folder::new(), Folder::new());
        let from = |arguments: &[&str]| on(&here, database.as_ref(), &[&["users"], arguments].concat());
        let into = |arguments: &[&str]| there.roster(&[&["users"], arguments].concat()).hashing_fast();
        for roster in [&from as &dyn Fn(&[&str]) -> acceptance::process::Roster, &into] {
            let create = ["create", "first@example.org", "--password-stdin"];
            assert_eq!(roster(&create).reading(PASSWORD).run(SOON).await.code, Some(0));
        }
        let rows = [
            json!({ "ref": "1", "email": "Ada@example.org", "name": "Ada", "password_hash": HASH, "email_verified": true,
                "role": "admin", "created_at": "2019-01-02T03:04:05.000000Z" }),
            json!({ "ref": "2", "email": "eve@example.org", "password_hash": HASH, "status": "deactivated" }),
        ];
        let file = write(&here, "users.ndjson", &rows.map(|row| row.to_string()).join("\n"));
        assert_eq!(from(&["import", file.to_str().unwrap()]).run(SOON).await.code, Some(0));

        let without = from(&["export"]).run(SOON).await;
        assert!(without.code == Some(0) && !without.stdout.contains("password_hash"), "{without:?}");
        let exported = here.path().join("exported.ndjson");
        let filters = ["--email-prefix", "", "--hashes"];
        let export = ["export", "--hashes", "--created-before", "2999-01-01T00:00:00Z", "--output"];
        let export = from(&[&export[..], &[exported.to_str().unwrap()]].concat()).run(SOON).await;
        assert_eq!((export.code, export.stdout.as_str()), (Some(0), ""), "{export:?}");
        assert_eq!(from(&[&["export"], &filters[..]].concat()).run(SOON).await.code, Some(2), "an empty prefix");

        let imported = into(&["import", exported.to_str().unwrap(), "--json"]).run(SOON).await;
        assert_eq!(imported.code, Some(1), "the first user is there already: {imported:?}");
        let again = into(&["export", "--hashes"]).run(SOON).await;
        let users = |text: &str| {
            let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            rows.retain(|row| row["email"] != "first@example.org");
            rows
        };
        let exported = users(&fs::read_to_string(exported).unwrap());
        assert_eq!((exported.len(), &exported[0]["password_hash"]), (2, &json!(HASH)));
        assert_eq!(users(&again.stdout), exported);
        let schema: Value = serde_json::from_str(&into(&["export", "--schema"]).run(SOON).await.stdout).unwrap();
        for field in exported[0].as_object().unwrap().keys() {
            assert!(schema["properties"].get(field).is_some(), "{field}");
        }
    }
}

#[tokio::test]
async fn users_who_match_are_listed_and_handled_together() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), &[&["users"], arguments].concat());
        roster(&["create", "first@example.org", "--admin", "--password-stdin"]).reading(PASSWORD).run(SOON).await;
        let file = write(&folder, "users.ndjson", &many(120));
        assert_eq!(roster(&["import", file.to_str().unwrap()]).run(SOON).await.code, Some(0));
        let count = async |filters: &[&str]| {
            let list = roster(&[&["list", "--json", "--limit", "1000"], filters].concat()).run(SOON).await;
            answer(&list).as_array().unwrap().len()
        };
        assert_eq!((count(&[]).await, count(&["--name-prefix", "user"]).await), (121, 120));
        assert_eq!(count(&["--role", "admin", "--domain", "example.org"]).await, 1);
        let table = roster(&["list", "--email-prefix", "user7@"]).run(SOON).await;
        assert!(table.stdout.contains("NAME") && table.stdout.contains("User 7"), "{table:?}");

        let deactivate = ["deactivate", "--email-prefix", "user"];
        let asks = roster(&deactivate).run(SOON).await;
        assert!(asks.code == Some(3) && asks.stderr.contains("120 by now"), "{asks:?}");
        let done = answer(&roster(&[&deactivate[..], &["--force", "--json"]].concat()).run(SOON).await);
        assert_eq!(done, json!({ "done": 120, "errors": 0, "cancelled": false }));
        assert_eq!(count(&["--status", "deactivated"]).await, 120);
        let server = on(&folder, database.as_ref(), &[]).serve().await;
        let erase = ["erase", "--status", "deactivated", "--reason", "the contract has ended"];
        assert_eq!(roster(&erase).run(SOON).await.code, Some(3));
        let done = roster(&[&erase[..], &["--force"]].concat()).run(SOON).await;
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), "120 users, 0 with errors\n"), "beside a server");
        assert_eq!(count(&[]).await, 1);
        for wrong in [&["erase", "--reason", "x", "--force"][..], &["deactivate", "--force"]] {
            assert_eq!(roster(wrong).run(SOON).await.code, Some(2), "neither a user nor a filter");
        }
        let both = roster(&["deactivate", "first@example.org", "--role", "user"]).run(SOON).await;
        assert_eq!(both.code, Some(2), "{both:?}");
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

/// A file of each source: its name, the arguments, and how many users it has. They all have one password.
const SOURCES: [(&str, &[&str], usize); 9] = [
    ("firebase.json", &["--from", "firebase", "--parameters", "firebase-parameters.json"], 1),
    ("auth0.ndjson", &["--from", "auth0"], 2),
    ("keycloak.json", &["--from", "keycloak"], 4),
    ("django.json", &["--from", "django"], 6),
    ("supabase.json", &["--from", "supabase"], 4),
    (
        "devise.csv",
        &[
            "--from",
            "csv",
            "--parameters",
            "devise-parameters.json",
            "--columns",
            "ref=id,email=email,password_hash=encrypted_password,email_verified=confirmed_at,created_at=created_at",
        ],
        1,
    ),
    ("better-auth.csv", &["--from", "csv", "--columns", "ref=userId,email=email,password_hash=password"], 1),
    (
        "clerk.csv",
        &[
            "--from",
            "csv",
            "--columns",
            "ref=id,email=primary_email_address,name=first_name+last_name,password_hash=password_digest",
        ],
        1,
    ),
    (
        "wordpress.csv",
        &[
            "--from",
            "csv",
            "--columns",
            "ref=ID,email=user_email,name=display_name,password_hash=user_pass,created_at=user_registered",
        ],
        3,
    ),
];

#[tokio::test]
async fn the_users_of_every_source_sign_in_with_their_old_password() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), &[&["users"], arguments].concat());
        roster(&["create", "first@example.org", "--password-stdin"]).reading(PASSWORD).run(SOON).await;
        let fixture = |name: &str| format!("{}/tests/process/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        for (file, arguments, users) in SOURCES {
            let arguments: Vec<_> = arguments
                .iter()
                .map(|it| if it.ends_with("-parameters.json") { fixture(it) } else { (*it).to_owned() })
                .collect();
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let file = fixture(file);
            let done = roster(&[&["import", &file, "--json"], &arguments[..]].concat()).run(SOON).await;
            assert_eq!(answer(&done)["imported"], users, "{file}: {done:?}");
        }
        let server = on(&folder, database.as_ref(), &[]).set("ROSTER_LIMITS", "off").serve().await;
        let list = answer(&roster(&["list", "--json", "--limit", "100"]).run(SOON).await);
        for user in list.as_array().unwrap() {
            let email = user["email"].as_str().unwrap();
            if email != "first@example.org" {
                let signed_in = server.sign_in(email, "Correct horse battery").await;
                assert_eq!(signed_in.status, 200, "{email}: {signed_in:?}");
                assert_eq!(server.sign_in(email, "Another horse battery").await.status, 401, "{email}");
            }
        }
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test]
async fn a_file_that_breaks_imports_nothing() {
    let folder = Folder::new();
    let roster = |arguments: &[&str]| folder.roster(&[&["users"], arguments].concat()).hashing_fast();
    roster(&["create", "first@example.org", "--password-stdin"]).reading(PASSWORD).run(SOON).await;
    let file = write(&folder, "users.json", r#"{"users": [{"email": "ada@example.org"}, {"email": "#);
    let broken = roster(&["import", file.to_str().unwrap(), "--from", "firebase"]).run(SOON).await;
    assert_eq!(broken.code, Some(2), "{broken:?}");
    assert!(broken.stderr.contains("nothing was imported") && broken.stderr.contains("line 1"), "{broken:?}");
    for (arguments, why) in [
        (&["import", "nowhere.ndjson"][..], "cannot be read"),
        (&["import", file.to_str().unwrap(), "--from", "ldap"], "must be ndjson, csv"),
        (&["import", file.to_str().unwrap(), "--from", "csv", "--columns", "mail=1"], "is no field"),
        (&["import", file.to_str().unwrap(), "--parameters", file.to_str().unwrap()], "is not a JSON object"),
    ] {
        let ended = roster(arguments).run(SOON).await;
        assert!(ended.code == Some(2) && ended.stderr.contains(why), "{ended:?}");
    }
    let list = answer(&roster(&["list", "--json"]).run(SOON).await);
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
}
