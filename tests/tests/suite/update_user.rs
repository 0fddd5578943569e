//! Users and administrators change a user's name and email address.

use acceptance::{Person, Request, SignedIn, World, in_each_world, in_one_world};
use serde_json::{Value, json};

in_each_world! {
    the_user_changes_and_removes_their_name,
    a_new_address_needs_the_password_and_replaces_the_old_one_at_sign_in,
    an_administrator_changes_an_address_without_a_password,
    one_of_many_users_gets_an_address_that_all_want_at_once,
    of_two_changes_of_the_same_known_version_one_succeeds,
    changes_of_one_user_take_effect_in_the_order_of_their_acceptance,
}

in_one_world! {
    a_stale_version_changes_nothing,
    only_the_user_and_administrators_may_change_a_user,
    what_cannot_be_a_patch_is_refused,
    wrong_passwords_count_as_guesses,
}

const ROUNDS: usize = 20;

fn ada() -> Person {
    Person::new("ada@example.org").called("Ada Lovelace")
}

async fn me(world: &World, who: &SignedIn) -> (Value, String) {
    let answer = world.send(&Request::get("/users/me").by(who)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (answer.json(), answer.header("etag").unwrap().to_owned())
}

async fn the_user_changes_and_removes_their_name(world: &World) {
    let here = world.member(&ada()).await;
    let answer = world.send(&here.updating(&json!({ "name": " Ada King " })).by(&here).wait(30)).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"2\"")), "{answer:?}");
    assert_eq!((&answer.json()["name"], &answer.json()["email"]), (&json!("Ada King"), &json!("ada@example.org")));
    assert_eq!((answer.json(), "\"2\"".to_owned()), me(world, &here).await);

    let unchanged = world.send(&here.updating(&json!({})).by(&here).wait(30)).await;
    assert_eq!((unchanged.status, unchanged.header("etag")), (200, Some("\"2\"")), "{unchanged:?}");

    let patch = Request::new("PATCH", format!("/users/{}", here.user));
    let patch = patch.body("application/merge-patch+json", r#"{"name": null}"#);
    let removed = world.send(&patch.by(&here).wait(30)).await;
    assert_eq!((removed.status, removed.header("etag")), (200, Some("\"3\"")), "{removed:?}");
    assert_eq!(removed.json()["name"], Value::Null);
    let events = "select name from ledger_messages where name = 'users.user_email_changed.v1'";
    assert!(world.texts(events).await.is_empty(), "the address is the same");
}

async fn a_new_address_needs_the_password_and_replaces_the_old_one_at_sign_in(world: &World) {
    let here = world.member(&ada()).await;
    // With mail, an address changes once it is confirmed: `emails.rs`.
    let off = world.node_without_mail().await;
    let (old, new) = (ada(), Person::new("Countess@Example.org"));
    for (password, code) in [(None, "required"), (Some("not the password at all"), "wrong_password")] {
        let patch = json!({ "email": new.email, "current_password": password });
        let refused = off.send(&here.updating(&patch).by(&here).wait(30)).await;
        let violations = vec![("/current_password".to_owned(), code.to_owned())];
        assert_eq!((refused.status, refused.violations()), (422, violations), "{refused:?}");
    }
    world.sign_in(here.user, &old).await;

    let patch = json!({ "email": new.email, "current_password": old.password });
    let accepted = off.send(&here.updating(&patch).by(&here)).await;
    assert_eq!((accepted.status, accepted.header("location").is_some()), (202, true), "{accepted:?}");
    let command = world.outcome(&accepted).await;
    assert_eq!(command["status"], "succeeded", "{command}");
    assert_eq!(world.send(&old.login()).await.problem(), "wrong_credentials", "the command has succeeded");
    world.sign_in(here.user, &new).await;
    assert_eq!(me(world, &here).await.0["email"], "Countess@Example.org", "the session goes on");
    world.member(&old).await;
    let lines = "select action || ' ' || outcome from auth_audit_events \
         where action in ('user.change_email', 'password.confirm') order by at, id";
    assert_eq!(world.texts(lines).await, ["password.confirm refused", "user.change_email succeeded"]);
    off.stop().await;
}

async fn an_administrator_changes_an_address_without_a_password(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let here = world.member(&ada()).await;
    let off = world.node_without_mail().await;
    world.run_on("update users_users set email_verified = true where id = $1", here.user).await;
    let respelled = world.send(&here.updating(&json!({ "email": "ADA@example.org" })).by(&admin).wait(30)).await;
    assert_eq!(respelled.json()["email_verified"], true, "it is the same address: {respelled:?}");
    let patch = json!({ "name": null, "email": "countess@example.org" });
    let answer = off.send(&here.updating(&patch).by(&admin).wait(30)).await;
    let shown = answer.json();
    assert_eq!((answer.status, &shown["name"], &shown["email"]), (200, &Value::Null, &patch["email"]), "{answer:?}");
    assert_eq!(shown["email_verified"], false, "no message has reached the new address");
    world.sign_in(here.user, &Person::new("countess@example.org")).await;
    let own = world.send(&admin.updating(&json!({ "email": "root@example.org" })).by(&admin).wait(30)).await;
    assert_eq!(own.violations(), [("/current_password".to_owned(), "required".to_owned())], "{own:?}");
    let lines =
        "select action || ' ' || actor || ' ' || address from auth_audit_events where action = 'user.change_email'";
    let line = format!("user.change_email user:{} 127.0.0.1", admin.user);
    assert_eq!(world.texts(lines).await, [line.clone(), line]);
    off.stop().await;
}

async fn one_of_many_users_gets_an_address_that_all_want_at_once(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let off = world.node_without_mail().await;
    let mut users = Vec::new();
    for n in 0..3 {
        users.push(world.member(&Person::new(format!("user{n}@example.org"))).await);
    }
    for round in 0..ROUNDS / 2 {
        let wanted = format!("Wanted{round}@example.org");
        let mut requests: Vec<_> =
            users.iter().map(|user| user.updating(&json!({ "email": wanted })).by(&admin).wait(30)).collect();
        requests.push(Person::new(wanted.to_lowercase()).sign_up().wait(30));
        let answers = off.send_all(requests).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status < 300);
        assert_eq!((won.len(), lost.len()), (1, 3), "{lost:?}");
        for answer in lost {
            let violations = vec![("/email".to_owned(), "email_taken".to_owned())];
            assert_eq!((answer.status, answer.violations()), (409, violations), "{answer:?}");
        }
        let owners =
            format!("select email_canonical from users_users where email_canonical = '{}'", wanted.to_lowercase());
        assert_eq!(world.texts(&*owners.leak()).await.len(), 1);
    }
    off.stop().await;
}

async fn of_two_changes_of_the_same_known_version_one_succeeds(world: &World) {
    let here = world.member(&ada()).await;
    for round in 0..ROUNDS {
        let (_, tag) = me(world, &here).await;
        let patch = |n: usize| {
            let patch = json!({ "name": format!("Ada {round} {n}") });
            here.updating(&patch).by(&here).header("If-Match", &tag).wait(30)
        };
        let answers = world.send_all([patch(1), patch(2)]).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 1), "{lost:?}");
        let refusal = (lost[0].status, lost[0].problem());
        let known = [(409, "version_conflict".to_owned()), (412, "precondition_failed".to_owned())];
        assert!(known.contains(&refusal), "{:?}", lost[0]);
        assert_eq!(me(world, &here).await.0["name"], won[0].json()["name"]);
    }
}

async fn changes_of_one_user_take_effect_in_the_order_of_their_acceptance(world: &World) {
    let here = world.member(&ada()).await;
    let mut accepted = Vec::new();
    for n in 0..30 {
        accepted.push(world.send(&here.updating(&json!({ "name": format!("Ada {n}") })).by(&here)).await);
    }
    for answer in &accepted {
        let command = world.outcome(answer).await;
        assert_eq!(command["status"], "succeeded", "{command}");
    }
    let (shown, tag) = me(world, &here).await;
    assert_eq!((&shown["name"], tag.as_str()), (&json!("Ada 29"), "\"31\""));
}

async fn a_stale_version_changes_nothing(world: &World) {
    let here = world.member(&ada()).await;
    let patch =
        |name: &str, tag: &str| here.updating(&json!({ "name": name })).by(&here).header("If-Match", tag).wait(30);
    assert_eq!(world.send(&patch("Ada 2", "\"1\"")).await.status, 200);
    for tag in ["\"1\"", "W/\"2\"", "\"3\"", "2", "\"\"", "\"0123456789abcdef\""] {
        let stale = world.send(&patch("Ada 3", tag)).await;
        assert_eq!((stale.status, stale.problem().as_str()), (412, "precondition_failed"), "{tag}: {stale:?}");
    }
    assert_eq!(me(world, &here).await.0["name"], "Ada 2");
    for (name, tag) in [("Ada 3", "\"2\""), ("Ada 4", "\"1\", \"3\""), ("Ada 5", "*")] {
        let answer = world.send(&patch(name, tag)).await;
        assert_eq!((answer.status, &answer.json()["name"]), (200, &json!(name)), "{tag}: {answer:?}");
    }
}

async fn only_the_user_and_administrators_may_change_a_user(world: &World) {
    let [here, other] = [ada(), Person::new("other@example.org")];
    let (here, other) = (world.member(&here).await, world.member(&other).await);
    let admin = world.administrator("admin@example.org").await;
    let patch = here.updating(&json!({ "name": "Mallory" }));
    assert_eq!(world.send(&patch).await.status, 401);
    assert_eq!(world.send(&here.updating(&json!({ "name": "Mallory" })).by(&other)).await.status, 404);
    assert_eq!(me(world, &here).await, (me(world, &here).await.0, "\"1\"".to_owned()));
    let missing = Request::new("PATCH", format!("/users/{}", kernel::MessageId::random()));
    let missing = missing.body("application/json", r#"{"name": "Ada"}"#).by(&admin);
    assert_eq!(world.send(&missing).await.status, 404);
    world.deactivate(&here, &admin).await;
    assert_eq!(world.send(&here.updating(&json!({ "name": "Mallory" })).by(&here)).await.status, 401);
    let answer = world.send(&here.updating(&json!({ "name": "Ada" })).by(&admin).wait(30)).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("deactivated")), "{answer:?}");
}

async fn what_cannot_be_a_patch_is_refused(world: &World) {
    let here = world.member(&ada()).await;
    for (patch, pointer, code) in [
        (json!({ "name": "" }), "/name", "name_empty"),
        (json!({ "email": "nowhere", "current_password": "x" }), "/email", "email_invalid"),
        (json!({ "name": 7 }), "/name", "wrong_type"),
        (json!({ "role": "admin" }), "", "unknown_field"),
    ] {
        let answer = world.send(&here.updating(&patch).by(&here).wait(30)).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(answer.violations(), [(pointer.to_owned(), code.to_owned())], "{patch}");
    }
    for kind in ["text/plain", "application/json-patch+json"] {
        let patch = Request::new("PATCH", format!("/users/{}", here.user)).body(kind, r#"{"name": "Ada"}"#);
        assert_eq!(world.send(&patch.by(&here)).await.status, 415, "{kind}");
    }
    assert_eq!(me(world, &here).await.1, "\"1\"");
}

async fn wrong_passwords_count_as_guesses(world: &World) {
    let here = world.member(&ada()).await;
    let node = world.limited_node("127.0.0.1").await;
    let patch = json!({ "email": "countess@example.org", "current_password": "not the password at all" });
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(node.send(&here.updating(&patch).by(&here)).await.status);
    }
    assert_eq!((statuses[0], statuses[11]), (422, 429), "{statuses:?}");
    node.stop().await;
    assert_eq!(me(world, &here).await.1, "\"1\"");
}
