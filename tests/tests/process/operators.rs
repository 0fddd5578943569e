//! Operators' commands for users, signing keys and service keys, beside a running server and without one.

use crate::{SOON, answer, databases, on, one_line, refusal};
use acceptance::Authenticator;
use acceptance::process::{Folder, Server, until};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

const PASSWORD: &str = "drei blaue Würfel rollen";
/// How long a running server may take to notice that the key file has changed.
const SEEN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn operators_create_users_where_registration_is_closed_and_check_asks_for_mail() {
    let folder = Folder::new();
    let roster = |mode: &str, arguments: &[&str]| on(&folder, None, arguments).set("ROSTER_REGISTRATION", mode);
    let create = ["users", "create", "ada@example.org", "--admin", "--password-stdin", "--json"];
    let ada = answer(&roster("closed", &create).reading(PASSWORD).run(SOON).await);
    assert_eq!(ada["role"], "admin");
    fs::write(folder.path().join("users.ndjson"), "{\"email\":\"eve@example.org\"}\n").unwrap();
    let import = roster("invited", &["users", "import", "users.ndjson", "--from", "ndjson"]).run(SOON).await;
    assert_eq!(import.code, Some(0), "{import:?}");
    for (mode, mail, expected) in [
        ("open", "off", Some(0)),
        ("verified", "mailbox", Some(0)),
        ("verified", "off", Some(1)),
        ("invited", "off", Some(1)),
    ] {
        let check = roster(mode, &["check"]).set("ROSTER_MAIL", mail).run(SOON).await;
        assert_eq!(check.code, expected, "{mode} {mail}: {check:?}");
        let asks = check.stdout.contains(&format!("ROSTER_REGISTRATION={mode} needs mail: set ROSTER_MAIL"));
        assert_eq!(asks, expected == Some(1), "{check:?}");
    }
}

#[tokio::test]
async fn an_operator_lets_the_last_administrator_in_who_has_lost_every_factor() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| {
            on(&folder, database.as_ref(), arguments).set("ROSTER_SECOND_FACTOR", "administrators")
        };
        let create = ["users", "create", "ada@example.org", "--admin", "--password-stdin"];
        assert_eq!(roster(&create).reading(PASSWORD).run(SOON).await.code, Some(0));
        let server = roster(&[]).serve().await;
        let sign_in = async || server.sign_in("ada@example.org", PASSWORD).await;
        let token = sign_in().await.json()["access_token"].as_str().unwrap().to_owned();
        let begun = server.ask("POST", "/auth/totp", &token, None).await;
        let app = Authenticator::with_secret(begun.json()["secret"].as_str().unwrap());
        let confirmed = server.ask("POST", "/auth/totp/confirm", &token, Some(&json!({ "code": app.code() }))).await;
        assert_eq!(confirmed.status, 200, "{confirmed:?}");
        assert_eq!(sign_in().await.problem(), "second_factor_required");

        let reset = ["users", "reset-factors", "ada@example.org"];
        let refused = roster(&reset).run(SOON).await;
        assert!(refused.code == Some(2) && refused.stderr.contains("--reason"), "{refused:?}");
        let reason = ["--reason", "lost the phone and the codes"];
        let unknown = roster(&[&["users", "reset-factors", "eve@example.org"], &reason[..]].concat()).run(SOON).await;
        assert!(refusal(&unknown).contains("no such user") || unknown.code == Some(1), "{unknown:?}");
        let done = answer(&roster(&[&reset[..], &reason, &["--json"]].concat()).run(SOON).await);
        assert_eq!((&done["email"], &done["sessions"]), (&json!("ada@example.org"), &json!(0)));
        let signed_in = sign_in().await;
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
        let limited = server.ask("GET", "/auth/service-keys", &token, None).await;
        assert_eq!(limited.problem(), "second_factor_enrolment_required", "{limited:?}");
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test]
async fn the_first_user_is_registered_without_a_server_and_the_next_beside_one() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        let create = |more: &[&str]| roster(&[&["users", "create", "--password-stdin"], more].concat());

        let ada = create(&["Ada@example.org", "--name", "Ada Lovelace", "--admin", "--json"]);
        let ada = answer(&ada.reading(&format!("{PASSWORD}\r\n")).run(SOON).await);
        assert_eq!((&ada["email"], &ada["role"]), (&json!("ada@example.org"), &json!("admin")));
        let taken = create(&["ada@EXAMPLE.org"]).reading("another good password").run(SOON).await;
        assert!(refusal(&taken).contains("registered already"), "{taken:?}");
        let weak = create(&["eve@example.org"]).reading("canary").run(SOON).await;
        assert!(refusal(&weak).contains("at least 15") && !weak.stderr.contains("canary"), "{weak:?}");
        let blind = roster(&["users", "create", "eve@example.org"]).reading(PASSWORD).run(SOON).await;
        assert!(one_line(&blind).contains("--password-stdin"), "{blind:?}");
        let last = roster(&["users", "set-role", "ada@example.org", "user"]).run(SOON).await;
        assert!(refusal(&last).contains("last administrator"), "{last:?}");

        let server = roster(&[]).serve().await;
        let bob = answer(&create(&["bob@example.org", "--json"]).reading(PASSWORD).run(SOON).await);
        assert_eq!(bob["role"], "user");
        let signed_in = server.sign_in("bob@example.org", PASSWORD).await;
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
        let may = async || server.ask("GET", "/auth/service-keys", &token, None).await.status;
        assert_eq!(may().await, 403);
        let set = answer(&roster(&["users", "set-role", "bob@example.org", "admin", "--json"]).run(SOON).await);
        assert_eq!((&set["role"], may().await), (&json!("admin"), 200), "at once");
        let shown = answer(&roster(&["users", "show", "bob@example.org", "--json"]).run(SOON).await);
        let expected =
            json!({ "id": bob["id"], "email": "bob@example.org", "role": "admin", "status": "active", "sessions": 1 });
        assert_eq!(shown, expected);
        let addresses = async |more: &[&str]| {
            let listed = answer(&roster(&[&["users", "list", "--json"], more].concat()).run(SOON).await);
            listed.as_array().unwrap().iter().map(|it| it["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let demoted = roster(&["users", "set-role", "ada@example.org", "user"]).run(SOON).await;
        assert_eq!(demoted.code, Some(0), "{demoted:?}");
        assert_eq!(addresses(&[]).await, ["Ada@example.org", "bob@example.org"]);
        assert_eq!(addresses(&["--role", "admin"]).await, ["bob@example.org"]);
        assert_eq!(addresses(&["--after", "ada@example.org"]).await, ["bob@example.org"]);
        let unknown = roster(&["users", "show", "eve@example.org"]).run(SOON).await;
        assert!(refusal(&unknown).contains("no user"), "{unknown:?}");
        let signed_in = server.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(signed_in.status, 200, "the line break is not part of the password: {signed_in:?}");
        assert_eq!(server.terminate().await.code, Some(0));
        assert!(!folder.printed().contains("Würfel"), "{}", folder.printed());
    }
}

#[tokio::test]
async fn an_operator_registers_no_user_with_the_name_of_the_service_for_a_password() {
    let folder = Folder::new();
    let create = |issuer: &str| {
        let create = folder.roster(&["users", "create", "ada@example.org", "--password-stdin"]).hashing_fast();
        create.set("ROSTER_ISSUER", issuer).reading("quillwort 123456")
    };
    let refused = create("quillwort").run(SOON).await;
    assert!(refusal(&refused).contains("name of this service"), "{refused:?}");
    assert_eq!(create("looking-glass").run(SOON).await.code, Some(0));
}

#[tokio::test]
async fn neither_a_role_nor_a_deactivation_takes_the_last_administrator_away() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), &[&["users"], arguments].concat());
        let create = async |email: &str| {
            let create = ["create", email, "--admin", "--password-stdin", "--json"];
            answer(&roster(&create).reading(PASSWORD).run(SOON).await)
        };
        let refused = async |arguments: &[&str]| {
            let last = roster(arguments).run(SOON).await;
            assert!(refusal(&last).contains("last administrator"), "{arguments:?}: {last:?}");
        };
        create("ada@example.org").await;
        refused(&["deactivate", "ada@example.org"]).await;
        create("eve@example.org").await;
        answer(&roster(&["deactivate", "ada@example.org", "--json"]).run(SOON).await);
        refused(&["deactivate", "eve@example.org"]).await;
        refused(&["set-role", "eve@example.org", "user"]).await;
        answer(&roster(&["set-role", "ada@example.org", "user", "--json"]).run(SOON).await);
    }
}

#[tokio::test]
async fn a_user_is_deactivated_and_reactivated_beside_a_server_and_without_one() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), &[&["users"], arguments].concat());
        let set = async |what: &str, user: &str| answer(&roster(&[what, user, "--json"]).run(SOON).await);
        let create = ["create", "ada@example.org", "--password-stdin", "--json"];
        let ada = answer(&roster(&create).reading(PASSWORD).run(SOON).await);
        let id = ada["id"].as_str().unwrap();
        assert_eq!(set("deactivate", "Ada@example.org").await["status"], "deactivated", "without a server");

        let server = on(&folder, database.as_ref(), &[]).serve().await;
        let sign_in = async || server.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(sign_in().await.status, 401);
        for _ in 0..2 {
            assert_eq!(set("reactivate", id).await["status"], "active", "beside one, and once more");
        }
        let signed_in = sign_in().await;
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(me(&server, &token).await, 200);
        let done = set("deactivate", id).await;
        assert_eq!((&done["id"], &done["status"], &done["sessions"]), (&json!(id), &json!("deactivated"), &json!(0)));
        assert_eq!((me(&server, &token).await, sign_in().await.status), (401, 401), "at once");
        for (user, why) in [("eve@example.org", "this address"), ("0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "this id")] {
            let unknown = roster(&["deactivate", user]).run(SOON).await;
            assert!(refusal(&unknown).contains(why), "{unknown:?}");
        }
        assert_eq!(roster(&["reactivate", "no-address"]).run(SOON).await.code, Some(2));
        let plain = roster(&["reactivate", "ada@example.org"]).run(SOON).await;
        assert!(plain.code == Some(0) && !plain.stdout.contains("deactivated"), "{plain:?}");

        let key = ["service-keys", "create", "audit", "--scope", "audit:read", "--json"];
        let key = answer(&on(&folder, database.as_ref(), &key).run(SOON).await)["key"].as_str().unwrap().to_owned();
        let record = server.ask("GET", "/audit-events?actor=operator", &key, None).await.json();
        let actions = record["data"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap());
        let done = ["user.reactivate", "user.deactivate", "user.reactivate", "user.deactivate"];
        assert_eq!(actions.filter(|it| it.starts_with("user.")).collect::<Vec<_>>(), done, "{record}");
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test]
async fn an_operator_changes_and_erases_a_user_beside_a_server_and_without_one() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), &[&["users"], arguments].concat());
        let create = async |email: &str| {
            let create = ["create", email, "--password-stdin", "--json"];
            answer(&roster(&create).reading(PASSWORD).run(SOON).await)["id"].as_str().unwrap().to_owned()
        };
        let ada = create("ada@example.org").await;
        let change = ["update", "ada@example.org", "--name", "Ada", "--email", "countess@example.org", "--json"];
        assert_eq!(answer(&roster(&change).run(SOON).await)["email"], "countess@example.org", "without a server");
        for useless in [&["update", &ada][..], &["update", &ada, "--name", "Ada", "--no-name"]] {
            assert_eq!(roster(useless).run(SOON).await.code, Some(2));
        }

        let server = on(&folder, database.as_ref(), &[]).serve().await;
        let shown = async |id: &str| server.get(&format!("/users/{id}")).await;
        assert_eq!(shown(&ada).await.json()["name"], "Ada");
        assert_eq!(roster(&["update", &ada, "--no-name"]).run(SOON).await.code, Some(0));
        assert_eq!(shown(&ada).await.json()["name"], Value::Null);
        create("eve@example.org").await;
        let taken = roster(&["update", &ada, "--email", "EVE@example.org"]).run(SOON).await;
        assert!(refusal(&taken).contains("already registered"), "{taken:?}");

        let erase = |user: &str, more: &[&str]| roster(&[&["erase", user, "--reason", "a letter"], more].concat());
        assert_eq!(roster(&["erase", &ada, "--force"]).run(SOON).await.code, Some(2), "no reason");
        let asks = erase(&ada, &[]).run(SOON).await;
        assert_eq!(asks.code, Some(3), "{asks:?}");
        assert!(asks.stderr.contains("countess@example.org") && asks.stderr.contains("--force"), "{asks:?}");
        assert_eq!(shown(&ada).await.status, 200);
        let erased = answer(&erase(&ada, &["--force", "--json"]).run(SOON).await);
        assert_eq!(erased, json!({ "id": ada, "erased": true }));
        assert_eq!(shown(&ada).await.status, 404);
        assert_eq!(server.sign_in("countess@example.org", PASSWORD).await.status, 401);
        assert!(refusal(&erase(&ada, &["--force"]).run(SOON).await).contains("no user"));
        assert_eq!(server.terminate().await.code, Some(0));

        let erased = erase("eve@example.org", &["--force"]).run(SOON).await;
        assert!(erased.code == Some(0) && erased.stdout.ends_with(" is erased\n"), "without a server: {erased:?}");
    }
}

#[tokio::test]
async fn two_registrations_at_once_without_a_server_both_succeed() {
    let folder = Folder::new();
    let create = |email: &str| {
        on(&folder, None, &["users", "create", "--password-stdin", "--json", email]).reading(PASSWORD).start()
    };
    answer(&create("first@example.org").end(SOON).await);
    let both = [create("ada@example.org"), create("bob@example.org")];
    for one in both {
        answer(&one.end(SOON).await);
    }
}

#[tokio::test]
async fn a_server_signs_with_the_new_key_and_refuses_the_tokens_of_a_retired_one() {
    let made = Folder::new();
    assert_eq!(on(&made, None, &[]).serve().await.terminate().await.code, Some(0));
    for given in [false, true] {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| {
            let roster = on(&folder, None, arguments);
            if given { roster.set("ROSTER_KEYS_FILE", "given.json") } else { roster }
        };
        if given {
            fs::copy(made.path().join("data/keys.json"), folder.path().join("given.json")).unwrap();
        } else {
            let none = roster(&["keys", "list"]).run(SOON).await;
            assert!(one_line(&none).contains("`roster serve` creates it"), "{none:?}");
        }
        let server = roster(&[]).serve().await;
        let created = roster(&["users", "create", "ada@example.org", "--password-stdin"]).reading(PASSWORD);
        assert_eq!(created.run(SOON).await.code, Some(0));
        let keys =
            async |arguments: &[&str]| answer(&roster(&[&["keys", "--json"], arguments].concat()).run(SOON).await);

        let before = keys(&["list"]).await;
        let old = before["signing"][0]["kid"].as_str().unwrap();
        assert_eq!((&before["signing"][0]["signs"], &before["sealing"][0]["active"]), (&json!(true), &json!(true)));
        let token = access_token(&server).await;
        assert_eq!(kid(&token), old);
        let next = keys(&["rotate"]).await;
        assert_eq!(next["signs"], false);
        until(SEEN, "key that is shown", async || (shown(&server).await.len() == 2).then_some(())).await;
        assert_eq!(kid(&access_token(&server).await), old, "shown, and signs later");
        let retired = roster(&["keys", "retire", old]).run(SOON).await;
        assert!(refusal(&retired).contains("signs tokens now"), "{retired:?}");
        let unknown = roster(&["keys", "retire", "unknown"]).run(SOON).await;
        assert!(refusal(&unknown).contains("no signing key"), "{unknown:?}");

        let new = keys(&["rotate", "--now"]).await;
        assert_eq!(new["signs"], true);
        let fresh = until(SEEN, "token by the new key", async || {
            let token = access_token(&server).await;
            (kid(&token) == new["kid"]).then_some(token)
        });
        let fresh = fresh.await;
        assert_eq!(me(&server, &token).await, 200, "the old key is still good");
        assert_eq!(keys(&["retire", old]).await["retired"], true);
        until(SEEN, "refusal", async || (me(&server, &token).await == 401).then_some(())).await;
        assert_eq!(me(&server, &fresh).await, 200);
        assert!(!shown(&server).await.contains(&old.to_owned()));
        assert_eq!(server.terminate().await.code, Some(0));
        let after = keys(&["list"]).await;
        assert_eq!(after["signing"].as_array().unwrap().len(), 2);
        assert_eq!(after["sealing"], before["sealing"], "a rotation does not change the sealing keys");
    }
}

async fn access_token(server: &Server) -> String {
    let signed_in = server.sign_in("ada@example.org", PASSWORD).await;
    signed_in.json()["access_token"].as_str().unwrap_or_else(|| panic!("{signed_in:?}")).to_owned()
}

/// The id of the key that signed a token.
fn kid(token: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The ids of the published keys.
async fn shown(server: &Server) -> Vec<String> {
    let keys = server.get("/.well-known/jwks.json").await.json();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn me(server: &Server, token: &str) -> u16 {
    server.ask("GET", "/users/me", token, None).await.status
}

#[tokio::test]
async fn a_service_key_is_shown_once_and_valid_until_it_is_revoked() {
    for database in databases().await {
        let folder = Folder::new();
        let roster = |arguments: &[&str]| on(&folder, database.as_ref(), arguments);
        if database.is_none() {
            let nothing = roster(&["service-keys", "list"]).run(SOON).await;
            assert!(one_line(&nothing).contains("does not exist yet"), "{nothing:?}");
        }
        let server = roster(&[]).serve().await;
        let create = ["service-keys", "create", "orders", "--scope", "introspect audit:read", "--days", "3", "--json"];
        let created = answer(&roster(&create).run(SOON).await);
        let (id, key) = (created["id"].as_str().unwrap(), created["key"].as_str().unwrap());
        assert_eq!((&created["name"], &created["scope"]), (&json!("orders"), &json!("introspect audit:read")));
        let audit = async || server.ask("GET", "/audit-events", key, None).await;
        let record = audit().await;
        let event = &record.json()["data"][0];
        assert_eq!((record.status, &event["actor"]), (200, &json!("operator")), "{event}");
        let listed = roster(&["service-keys", "list", "--json"]).run(SOON).await;
        assert_eq!(answer(&listed)[0]["id"], id);
        assert!(!listed.stdout.contains(key) && !folder_holds(&folder, key), "it is not kept");

        assert_eq!(answer(&roster(&["service-keys", "revoke", id, "--json"]).run(SOON).await)["revoked"], true);
        assert_eq!(audit().await.status, 401);
        assert_eq!(server.terminate().await.code, Some(0));
        let again = roster(&["service-keys", "revoke", id]).run(SOON).await;
        assert!(refusal(&again).contains("no valid service key"), "{again:?}");
        let other = roster(&["service-keys", "create", "billing", "--scope", "introspect"]).run(SOON).await;
        assert!(other.code == Some(0) && other.stdout.lines().any(|line| line.starts_with("rk_")), "{other:?}");
        assert_eq!(answer(&roster(&["service-keys", "list", "--json"]).run(SOON).await).as_array().unwrap().len(), 1);
        for wrong in [["--scope", "everything"], ["--days", "0"]] {
            let refused = roster(&[&["service-keys", "create", "x", "--scope=introspect"], &wrong[..]].concat());
            assert_eq!(refused.run(SOON).await.code, Some(2), "{wrong:?}");
        }
    }
}

/// Whether a file of the database contains a text.
fn folder_holds(folder: &Folder, text: &str) -> bool {
    let files = ["roster.db", "roster.db-wal"].map(|file| fs::read(folder.path().join("data").join(file)));
    files.into_iter().flatten().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}
