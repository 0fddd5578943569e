//! Users and administrators erase a user with all personal data.

use crate::registration::requested;
use acceptance::{Person, Request, SignedIn, World, in_each_world, in_one_world};
use serde_json::{Value, json};
use std::time::Duration;
use users_infrastructure::RegistrationMode;

in_each_world! {
    a_user_erases_themself_with_their_password,
    an_administrator_erases_a_user_for_a_reason_that_is_on_record,
    the_last_administrator_cannot_erase_themself,
    unfinished_and_failed_messages_of_an_erased_user_are_discarded,
    nothing_stays_of_a_user_who_acts_while_they_are_erased,
    only_the_address_of_an_audit_event_can_be_removed,
}

in_one_world! {
    only_the_user_and_administrators_may_erase_a_user,
    an_erasure_needs_its_confirmation,
    no_file_of_the_database_holds_an_erased_name_or_address,
}

const ROUNDS: usize = 20;

fn ada() -> Person {
    Person::new("ada@example.org").called("Ada Lovelace")
}

fn erasing(who: &SignedIn, confirmation: &Value) -> Request {
    Request::new("DELETE", format!("/users/{}", who.user)).body("application/json", confirmation.to_string())
}

fn for_a_reason() -> Value {
    json!({ "reason": "asked for it by letter" })
}

async fn a_user_erases_themself_with_their_password(world: &World) {
    let here = world.member(&ada()).await;
    let there = world.sign_in(here.user, &ada()).await;
    let confirmation = json!({ "current_password": ada().password });
    let answer = world.send(&erasing(&here, &confirmation).by(&here).wait(30)).await;
    assert_eq!((answer.status, answer.header("preference-applied")), (204, Some("wait=30")), "{answer:?}");
    for gone in [&here, &there] {
        assert_eq!(world.send(&Request::get("/users/me").by(gone)).await.problem(), "invalid_token");
        assert_eq!(world.send(&gone.refreshing()).await.status, 401);
    }
    assert_eq!(world.send(&ada().login()).await.problem(), "wrong_credentials");
    assert_eq!(world.send(&Request::get(format!("/users/{}", here.user))).await.status, 404);

    for table in [
        "select count(*) from users_users",
        "select count(*) from auth_accounts",
        "select count(*) from auth_credentials",
        "select count(*) from auth_sessions",
        "select count(*) from auth_refresh_tokens",
        "select count(*) from auth_departures",
        "select count(*) from auth_mail_tokens",
        "select count(*) from auth_known_devices",
        "select count(*) from auth_audit_events where address <> '' and (user_id is not null or actor <> 'anonymous')",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    let line = "select action || ' ' || actor || ' ' || coalesce(note, 'no note') from auth_audit_events \
         where action = 'user.erase'";
    assert_eq!(world.texts(line).await, [format!("user.erase user:{} no note", here.user)]);

    let again = world.send(&ada().with_id(here.user).sign_up().wait(30)).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "id_taken"), "{again:?}");
    let new = world.member(&ada()).await;
    assert_ne!(new.user, here.user, "the address is free, the id is not");
}

async fn an_administrator_erases_a_user_for_a_reason_that_is_on_record(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let here = world.member(&ada()).await;
    let wrong = ada().with_password("not the password at all");
    assert_eq!(world.send(&wrong.login()).await.status, 401);
    let accepted = world.send(&erasing(&here, &for_a_reason()).by(&admin)).await;
    assert_eq!((accepted.status, accepted.header("location").is_some()), (202, true), "{accepted:?}");
    assert_eq!(world.outcome(&accepted).await["status"], "succeeded");
    let command = world.send(&Request::get(accepted.header("location").unwrap()).by(&admin)).await.json();
    let parts: Vec<_> = command["follow_ups"].as_array().unwrap().iter().collect();
    let parts: Vec<_> = parts.iter().map(|part| (part["type"].as_str(), part["status"].as_str())).collect();
    assert_eq!(parts, [(Some("users.user_erased.v1"), Some("succeeded")); 2], "of `auth` and `mail`");
    assert!(!world.knows(&here).await);
    assert_eq!(world.send(&erasing(&here, &for_a_reason()).by(&admin)).await.status, 404, "only once");

    let events = Request::get(format!("/audit-events?user_id={}", here.user)).by(&admin);
    let events = world.send(&events).await.json();
    let lines: Vec<_> = events["data"].as_array().unwrap().iter().collect();
    let lines: Vec<_> = lines.iter().map(|it| (&it["action"], &it["address"], &it["note"])).collect();
    let erased = (&json!("user.erase"), &json!("127.0.0.1"), &json!("asked for it by letter"));
    assert_eq!(lines[0], erased, "the address is the administrator's");
    let unnamed = (&json!("sign_in"), &json!(""), &Value::Null);
    assert_eq!(lines[1..], [unnamed, unnamed], "a right and a wrong password");
}

async fn the_last_administrator_cannot_erase_themself(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let confirmation = json!({ "current_password": Person::new("admin@example.org").password });
    let refused = world.send(&erasing(&admin, &confirmation).by(&admin).wait(30)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "last_administrator"), "{refused:?}");
    assert!(world.knows(&admin).await);
    let second = world.administrator("second@example.org").await;
    assert_eq!(world.send(&erasing(&admin, &confirmation).by(&admin).wait(30)).await.status, 204);
    assert_eq!(world.count("select count(*) from auth_accounts where role = 'admin'").await, 1);
    assert!(world.knows(&second).await);
}

async fn unfinished_and_failed_messages_of_an_erased_user_are_discarded(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (here, other) = (world.member(&ada()).await, world.member(&Person::new("other@example.org")).await);
    for user in [&here, &other] {
        // The event has failed for good, and the password waits for its next attempt.
        let failed = "update ledger_messages set status = 'failed', payload = 'Canary', errors = '[]' \
             where name = 'users.user_registered.v1' and subject = $1";
        let waits = (
            "update ledger_messages set status = 'accepted', payload = 'Canary', finished_at = null, \
             next_attempt_at = now() + interval '200 s' where name = 'auth.set_credential.v1' and subject = $1",
            "update ledger_messages set status = 'accepted', payload = 'Canary', finished_at = null, \
             next_attempt_at = cast(unixepoch('subsec') * 1000000 as integer) + 200000000 \
             where name = 'auth.set_credential.v1' and subject = $1",
        );
        world.run_on(failed, user.user).await;
        world.run_on(waits, user.user).await;
    }
    let erased = world.send(&erasing(&here, &for_a_reason()).by(&admin).wait(30)).await;
    assert_eq!(erased.status, 204, "it does not wait for the message before it: {erased:?}");
    let kept = "select count(*) from ledger_messages where payload = 'Canary'";
    assert_eq!(world.count(kept).await, 2, "those of the other user");
    let discarded = "select count(*) from ledger_messages where errors like '%discarded%' and status = 'failed' \
         and payload is null and finished_at is not null";
    assert_eq!(world.count(discarded).await, 2);
    world.leaves_work();
}

async fn nothing_stays_of_a_user_who_acts_while_they_are_erased(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    for round in 0..ROUNDS {
        let person = Person::new(format!("user{round}@example.org"));
        let here = world.member(&person).await;
        let mut requests = vec![erasing(&here, &for_a_reason()).by(&admin).wait(30)];
        requests.extend((0..2).map(|_| person.login()));
        requests.push(here.updating(&json!({ "name": "Ada" })).by(&here).wait(30));
        requests.push(here.refreshing());
        requests.push(here.deactivating().by(&admin).wait(30));
        let at = round % requests.len();
        requests.rotate_left(at);
        let answers = world.send_all(requests).await;
        assert!(answers.iter().any(|answer| answer.status == 204), "{answers:?}");
        for table in [
            "select count(*) from users_users",
            "select count(*) from auth_accounts",
            "select count(*) from auth_credentials",
            "select count(distinct user_id) from auth_sessions",
        ] {
            assert_eq!(world.count(table).await, 1, "round {round}: {table}");
        }
    }
    assert_eq!(world.count("select count(*) from auth_departures").await, 0);
}

async fn only_the_address_of_an_audit_event_can_be_removed(world: &World) {
    world.member(&ada()).await;
    assert!(world.count("select count(*) from auth_audit_events").await > 0);
    for change in [
        "update auth_audit_events set address = '192.0.2.1'",
        "update auth_audit_events set address = '', action = 'x'",
        "update auth_audit_events set address = '', user_id = null",
        "update auth_audit_events set note = 'x'",
        "update auth_audit_events set actor = 'operator'",
        "delete from auth_audit_events",
    ] {
        assert!(world.refuses(change).await, "{change}");
    }
    world.run("update auth_audit_events set address = ''").await;
}

async fn only_the_user_and_administrators_may_erase_a_user(world: &World) {
    let (here, other) = (world.member(&ada()).await, world.member(&Person::new("other@example.org")).await);
    let admin = world.administrator("admin@example.org").await;
    assert_eq!(world.send(&erasing(&here, &for_a_reason())).await.status, 401);
    assert_eq!(world.send(&erasing(&here, &for_a_reason()).by(&other)).await.status, 404);
    let confirmation = json!({ "current_password": Person::new("other@example.org").password });
    assert_eq!(world.send(&erasing(&here, &confirmation).by(&other)).await.status, 404);
    assert!(world.knows(&here).await);
    world.deactivate(&here, &admin).await;
    let own = json!({ "current_password": ada().password });
    assert_eq!(world.send(&erasing(&here, &own).by(&here)).await.status, 401, "a deactivated user asks somebody");
    assert_eq!(world.send(&erasing(&here, &for_a_reason()).by(&admin).wait(30)).await.status, 204);
}

async fn an_erasure_needs_its_confirmation(world: &World) {
    let (here, admin) = (world.member(&ada()).await, world.administrator("admin@example.org").await);
    let password = |code: &str| vec![("/current_password".to_owned(), code.to_owned())];
    let reason = |code: &str| vec![("/reason".to_owned(), code.to_owned())];
    for (by, confirmation, violations) in [
        (&here, json!({}), password("required")),
        (&here, json!({ "current_password": "not the password at all" }), password("wrong_password")),
        (&here, json!({ "current_password": ada().password, "reason": "x" }), reason("not_allowed")),
        (&admin, json!({}), reason("required")),
        (&admin, json!({ "current_password": ada().password }), reason("required")),
        (&admin, json!({ "reason": "" }), reason("text_empty")),
        (&admin, json!({ "reason": "x".repeat(201) }), reason("text_too_long")),
        (&admin, json!({ "reason": 1 }), reason("wrong_type")),
    ] {
        let refused = world.send(&erasing(&here, &confirmation).by(by).wait(30)).await;
        assert_eq!((refused.status, refused.violations()), (422, violations), "{confirmation}: {refused:?}");
    }
    let bare = Request::new("DELETE", format!("/users/{}", here.user));
    assert_eq!(world.send(&bare.by(&admin)).await.status, 415, "no body");
    assert!(world.knows(&here).await);
}

async fn no_file_of_the_database_holds_an_erased_name_or_address(world: &World) {
    roster::schema::add_substring_search(&world.db).await.unwrap();
    // Without it, entries stay in the index until a merge happens to drop them.
    let overwrites = "select count(*) from users_substrings_config where k = 'secure-delete' and v = 1";
    assert_eq!(world.count(overwrites).await, 1);
    let admin = world.administrator("admin@example.org").await;
    let person = Person::new("Canary.One@example.org").called("Canary Two");
    let node = world.node_with_registration(RegistrationMode::Verified).await;
    requested(world, &node, &Person::new("canary.four@example.org").called("Canary Five")).await;
    node.stop().await;
    let invitation = Request::post("/invitations", &json!({ "email": "canary.four@example.org" }));
    assert_eq!(world.send(&invitation.by(&admin).wait(30)).await.status, 201);
    let here = world.member(&person).await;
    let erasing_first = "select count(*) from users_pending_registrations where email is not null";
    assert_eq!(world.count(erasing_first).await, 1);
    world.done(&here.updating(&json!({ "name": "Canary Three Zqxjw" })).by(&admin)).await;
    // Without mail, the address changes at once.
    let off = world.node_without_mail().await;
    let changed = off.send(&here.updating(&json!({ "email": "canary.four@example.org" })).by(&admin)).await;
    assert_eq!(off.outcome(&changed).await["status"], "succeeded");
    off.stop().await;
    world.done(&here.updating(&json!({ "email": "canary.six@example.org" })).by(&admin)).await;
    let forgotten = Request::post("/auth/password/forgot", &json!({ "email": "canary.four@example.org" }));
    assert_eq!(world.send(&forgotten).await.status, 202);
    // The index for parts of names holds pieces of three characters, and no whole name.
    let indexed = r#"select count(*) from users_substrings where users_substrings match '"zqx"'"#;
    assert!(holds(world, "canary") && world.count(indexed).await == 1, "the test finds what it looks for");
    assert_eq!(world.send(&erasing(&here, &for_a_reason()).by(&admin).wait(30)).await.status, 204);
    // Another connection may be reading, so that the log is emptied a second later.
    acceptance::process::until(Duration::from_secs(20), "clean files", async || {
        (!holds(world, "canary") && !holds(world, "Canary")).then_some(())
    })
    .await;
    assert!(holds(world, "admin@example.org"));
    assert_eq!(world.count(indexed).await, 0);
}

/// Whether a file of the database holds a text.
fn holds(world: &World, text: &str) -> bool {
    let files = world.files().into_iter().filter_map(|file| std::fs::read(file).ok());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
}
