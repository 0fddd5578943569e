//! Administrators deactivate and reactivate users.

use acceptance::{Answer, Person, Request, SignedIn, World, in_each_world};
use persistence::execute;
use serde_json::{Value, json};
use std::collections::BTreeSet;

in_each_world! {
    a_deactivated_user_is_signed_out_everywhere_and_signs_in_with_the_same_password_once_reactivated,
    a_repeated_deactivation_or_reactivation_succeeds_and_changes_nothing,
    a_repeated_deactivation_reaches_a_context_that_missed_the_first_one,
    the_audit_log_names_the_command_and_only_administrators_see_all_of_it,
    only_administrators_may_and_none_deactivates_themself,
    a_deactivation_takes_no_fields_in_its_body,
    a_key_makes_a_retry_the_same_command_and_belongs_to_one_user,
    no_sign_in_outlives_a_deactivation_at_the_same_time,
    a_concurrent_deactivation_and_reactivation_leave_all_contexts_in_the_same_state,
}

const ROUNDS: usize = 20;
/// Counts users other than administrators with a live session (0 or 1).
const LET_IN: &str = "select count(*) from (select 1 from auth_sessions s join auth_accounts a on a.user_id = s.user_id \
     where s.ended_at is null and a.role = 'user' limit 1) found";

fn ada() -> Person {
    Person::new("ada@example.org").called("Ada Lovelace")
}

fn admin() -> &'static str {
    "admin@example.org"
}

/// The user as an administrator reads them.
async fn whole(world: &World, user: &SignedIn, by: &SignedIn) -> Value {
    let answer = world.send(&Request::get(format!("/users/{}", user.user)).by(by)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Checks that a session has ended: both of its tokens are refused.
async fn is_over(world: &World, session: &SignedIn) {
    assert!(!world.knows(session).await, "an access token outlived its session");
    assert_eq!(world.send(&session.refreshing()).await.problem(), "invalid_refresh_token");
}

fn fields(answer: &Answer) -> BTreeSet<String> {
    answer.json().as_object().unwrap().keys().cloned().collect()
}

async fn a_deactivated_user_is_signed_out_everywhere_and_signs_in_with_the_same_password_once_reactivated(
    world: &World,
) {
    let admin = world.administrator(admin()).await;
    let here = &world.member(&ada()).await;
    let sessions = [here.clone(), world.sign_in(here.user, &ada()).await];
    assert_eq!(whole(world, here, &admin).await["status"], "active");
    let seen = world.get(format!("/users/{}", here.user)).await;

    let answer = world.send(&here.deactivating().by(&admin).wait(30)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    assert_eq!((answer.header("preference-applied"), answer.header("location")), (Some("wait=30"), None));
    let shown = answer.json();
    assert_eq!((&shown["email"], &shown["status"]), (&json!("ada@example.org"), &json!("deactivated")));
    assert!(shown["deactivated_at"].is_string(), "{shown}");
    assert_eq!(shown, whole(world, here, &admin).await);
    let why = "select ended_why from auth_sessions where ended_at is not null";
    assert_eq!(world.texts(why).await, ["disabled", "disabled"]);
    for session in &sessions {
        is_over(world, session).await;
    }
    let refused = world.send(&ada().login()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (401, "wrong_credentials"));
    let unchanged = world.get(format!("/users/{}", here.user)).await;
    assert_eq!(
        (unchanged.header("etag"), &unchanged.body),
        (seen.header("etag"), &seen.body),
        "other callers do not see it"
    );

    let answer = world.send(&here.reactivating().by(&admin).wait(30)).await;
    let shown = answer.json();
    assert_eq!((answer.status, &shown["status"], shown.get("deactivated_at")), (200, &json!("active"), None));
    for session in &sessions {
        is_over(world, session).await;
    }
    let back = world.sign_in(here.user, &ada()).await;
    let me = world.send(&Request::get("/users/me").by(&back)).await;
    assert_eq!(me.json(), shown);
    let anyone = world.get(format!("/users/{}", here.user)).await;
    assert_eq!(fields(&anyone), ["created_at", "id", "name"].map(str::to_owned).into(), "as ever");
}

async fn a_repeated_deactivation_or_reactivation_succeeds_and_changes_nothing(world: &World) {
    let admin = world.administrator(admin()).await;
    let here = world.member(&ada()).await;
    world.done(&here.reactivating().by(&admin)).await;
    assert_eq!(world.send(&Request::get("/users/me").by(&here)).await.header("etag"), Some("\"1\""));
    let deactivated = world.send(&here.deactivating().by(&admin).wait(30)).await;
    let again = world.send(&here.deactivating().by(&admin).wait(30)).await;
    assert_eq!((again.status, again.header("etag")), (200, Some("\"2\"")));
    assert_eq!(again.json(), deactivated.json());
    for _ in 0..2 {
        let answer = world.send(&here.reactivating().by(&admin).wait(30)).await;
        assert_eq!((answer.status, answer.header("etag")), (200, Some("\"3\"")));
    }
    world.sign_in(here.user, &ada()).await;
    let events =
        "select name from ledger_messages where name like 'users.user\\_%ivated.v1' escape '\\' order by sequence";
    let [on, off] = ["users.user_reactivated.v1", "users.user_deactivated.v1"];
    assert_eq!(world.texts(events).await, [on, off, off, on, on], "said each time");
    let lines = "select action || ' ' || outcome || ' ' || actor || ' ' || address from auth_audit_events \
         where action like 'user.%' order by at, id";
    let line = |action: &str| format!("user.{action} succeeded user:{} 127.0.0.1", admin.user);
    assert_eq!(world.texts(lines).await, [line("deactivate"), line("reactivate")], "one line each");
}

async fn a_repeated_deactivation_reaches_a_context_that_missed_the_first_one(world: &World) {
    let admin = world.administrator(admin()).await;
    let here = world.member(&ada()).await;
    world.done(&here.deactivating().by(&admin)).await;
    // Simulate that the reaction of auth has failed.
    let mut tx = world.db.begin().await.unwrap();
    let unheard = "update auth_accounts set disabled_at = null, version = version - 1 where user_id = $1";
    execute!(&mut tx, unheard, here.user).unwrap();
    tx.commit().await.unwrap();
    let session = world.sign_in(here.user, &ada()).await;
    let again = world.send(&here.deactivating().by(&admin).wait(30)).await;
    assert_eq!((again.status, again.header("etag")), (200, Some("\"2\"")), "{again:?}");
    is_over(world, &session).await;
    assert_eq!(world.send(&ada().login()).await.problem(), "wrong_credentials");
}

async fn the_audit_log_names_the_command_and_only_administrators_see_all_of_it(world: &World) {
    let [admin, other] = [admin(), "other@example.org"].map(|email| world.administrator(email));
    let (admin, other) = (admin.await, other.await);
    let here = world.member(&ada()).await;
    let accepted = world.send(&here.deactivating().by(&admin)).await;
    assert_eq!((accepted.status, &accepted.json()["target"]["id"]), (202, &json!(here.user)), "{accepted:?}");
    world.outcome(&accepted).await;
    let location = accepted.header("location").unwrap();
    for administrator in [&admin, &other] {
        let command = world.send(&Request::get(location).by(administrator)).await.json();
        let parts = &command["follow_ups"];
        assert_eq!(command["target"]["href"], format!("/users/{}", here.user), "{command}");
        assert_eq!(parts[0]["type"], "users.user_deactivated.v1", "{command}");
    }
    let command = world.get(location).await;
    let few = ["accepted_at", "finished_at", "id", "status", "type"];
    assert_eq!(fields(&command), few.map(str::to_owned).into(), "its id is known, and no more than that");
    let lines = world.send(&Request::get("/audit-events?action=user.deactivate").by(&other)).await.json();
    let line = &lines["data"][0];
    assert_eq!((&line["target"], &line["user_id"]), (&accepted.json()["id"], &json!(here.user)), "{lines}");
    assert_eq!(line["actor"], format!("user:{}", admin.user));
    let from = [&line["address"], &line["request_id"]].map(|it| it.as_str());
    assert_eq!(from, [Some("127.0.0.1"), accepted.header("x-request-id")], "{lines}");
}

async fn only_administrators_may_and_none_deactivates_themself(world: &World) {
    let admin = world.administrator(admin()).await;
    let [ada, eve] = [world.member(&ada()).await, world.member(&Person::new("eve@example.org")).await];
    for request in [ada.deactivating(), ada.reactivating(), eve.deactivating(), eve.reactivating()] {
        assert_eq!(world.send(&request).await.problem(), "unauthenticated");
        assert_eq!(world.send(&request.by(&ada)).await.problem(), "forbidden");
    }
    let own = world.send(&admin.deactivating().by(&admin)).await;
    assert_eq!((own.status, own.problem().as_str()), (409, "own_account"), "{own:?}");
    assert!(own.json()["detail"].as_str().unwrap().contains("another administrator"), "{own:?}");
    let unknown = identity::UserId::random().as_uuid();
    for id in [unknown.to_string(), format!("{{{unknown}}}"), "me".into(), ada.user.simple().to_string()] {
        for what in ["deactivate", "reactivate"] {
            let answer = world.send(&Request::new("POST", format!("/users/{id}/{what}")).by(&admin)).await;
            assert_eq!((answer.status, answer.problem().as_str()), (404, "not_found"), "{id}");
        }
    }
    assert_eq!(world.count("select count(*) from ledger_messages where name like 'users.%activate%'").await, 0);
    world.done(&admin.reactivating().by(&admin)).await;
    assert!(world.knows(&admin).await && world.knows(&ada).await && world.knows(&eve).await);
}

async fn a_deactivation_takes_no_fields_in_its_body(world: &World) {
    let admin = world.administrator(admin()).await;
    let here = world.member(&ada()).await;
    let by = |kind: &str, body: &str| here.deactivating().by(&admin).body(kind, body);
    for (kind, body, status, code) in [
        ("application/json", r#"{"reason": "canary"}"#, 422, "invalid_request"),
        ("application/json", "[]", 422, "invalid_request"),
        ("application/json", "null", 422, "invalid_request"),
        ("application/json", "{", 400, "json_malformed"),
        ("text/plain", "{}", 415, "content_type_unsupported"),
        ("", "{}", 415, "content_type_unsupported"),
    ] {
        let answer = world.send(&by(kind, body)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{body:?} as {kind:?}");
        assert!(!answer.body.contains("canary"));
    }
    let query = Request::new("POST", format!("/users/{}/deactivate?now=1", here.user)).by(&admin);
    assert_eq!(world.send(&query).await.problem(), "unknown_parameter");
    assert!(world.knows(&here).await, "the user is not deactivated");
    for (kind, body) in [("application/json", "{}"), ("application/json", ""), ("", "")] {
        world.done(&by(kind, body)).await;
    }
    assert!(!world.knows(&here).await);
}

async fn a_key_makes_a_retry_the_same_command_and_belongs_to_one_user(world: &World) {
    let admin = world.administrator(admin()).await;
    let [ada, eve] = [world.member(&ada()).await, world.member(&Person::new("eve@example.org")).await];
    let key = kernel::MessageId::random().to_string();
    let keyed = |request: Request| request.by(&admin).header("Idempotency-Key", &key);
    let first = world.send(&keyed(ada.deactivating())).await;
    world.outcome(&first).await;
    world.done(&ada.reactivating().by(&admin)).await;
    let again = world.send(&keyed(ada.deactivating())).await;
    assert_eq!(again.json()["id"], first.json()["id"]);
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    assert_eq!(whole(world, &ada, &admin).await["status"], "active", "a replay changes nothing");
    let other = world.send(&keyed(eve.deactivating())).await;
    assert_eq!((other.status, other.problem().as_str()), (422, "idempotency_key_reused"));
    assert!(world.knows(&eve).await);
}

async fn no_sign_in_outlives_a_deactivation_at_the_same_time(world: &World) {
    let admin = world.administrator(admin()).await;
    let here = world.member(&ada()).await;
    for round in 0..ROUNDS {
        let signing_in: Vec<_> = (0..8).map(|_| world.begin(ada().login())).collect();
        if round % 2 > 0 {
            // Some sign-ins have succeeded by now, and others have not.
            world.until(LET_IN, 1).await;
        }
        world.deactivate(&here, &admin).await;
        let mut given = Vec::new();
        for sent in signing_in {
            let answer = sent.await.unwrap();
            assert!(answer.status == 200 || answer.problem() == "wrong_credentials", "{answer:?}");
            given.extend((answer.status == 200).then(|| SignedIn::of(here.user, &answer)));
        }
        let live = "select count(*) from auth_sessions s join auth_accounts a on a.user_id = s.user_id \
             where s.ended_at is null and a.disabled_at is not null";
        assert_eq!(world.count(live).await, 0, "round {round}");
        for session in &given {
            is_over(world, session).await;
        }
        world.done(&here.reactivating().by(&admin)).await;
    }
}

async fn a_concurrent_deactivation_and_reactivation_leave_all_contexts_in_the_same_state(world: &World) {
    let admin = world.administrator(admin()).await;
    let here = world.member(&ada()).await;
    for round in 0..ROUNDS {
        let mut both = [here.deactivating().by(&admin), here.reactivating().by(&admin)];
        both.rotate_left(round % 2);
        for accepted in world.send_all(both).await {
            assert_eq!(world.outcome(&accepted).await["status"], "succeeded");
        }
        let status = whole(world, &here, &admin).await["status"].clone();
        let signed_in = world.send(&ada().login()).await.status == 200;
        assert_eq!(status, if signed_in { "active" } else { "deactivated" }, "round {round}");
    }
}
