//! Users and administrators export everything that Roster holds on a user.

use acceptance::{Person, Request, World, in_each_world, in_one_world};
use serde_json::{Value, json};

in_each_world! {
    a_user_exports_everything_that_is_held_on_them,
}

in_one_world! {
    an_export_is_on_record_and_only_for_the_user_and_administrators,
    messages_that_are_not_finished_are_part_of_an_export,
}

fn ada() -> Person {
    Person::new("Ada@example.org").called("Ada Lovelace")
}

fn export(user: uuid::Uuid) -> Request {
    Request::get(format!("/users/{user}/export"))
}

async fn a_user_exports_everything_that_is_held_on_them(world: &World) {
    let here = world.member(&ada()).await;
    world.sign_in(here.user, &ada()).await;
    world.member(&Person::new("other@example.org")).await;
    let answer = world.send(&export(here.user).by(&here)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    let file = format!("attachment; filename=\"user-{}.json\"", here.user);
    assert_eq!(answer.header("content-disposition"), Some(file.as_str()));

    let export = answer.json();
    assert_eq!(export["user_id"], json!(here.user));
    let parts: Vec<_> = export["data"].as_object().unwrap().keys().collect();
    assert_eq!(parts, ["auth", "mail", "users"]);
    let (user, account) = (&export["data"]["users"]["user"], &export["data"]["auth"]);
    assert_eq!((&user["name"], &user["email"]), (&json!("Ada Lovelace"), &json!("Ada@example.org")));
    assert_eq!((&account["email"], &account["has_password"]), (&json!("ada@example.org"), &json!(true)));
    let addresses = |list: &Value| {
        list.as_array().unwrap().iter().map(|it| it["address"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&account["sessions"]), ["127.0.0.1"; 2]);
    assert_eq!(addresses(&account["audit_events"]), ["127.0.0.1"; 3], "two sign-ins and this export");
    for secret in ["$2b$", "argon2", "hash\":", "token"] {
        assert!(!answer.body.contains(secret), "{secret}: {export}");
    }
    assert!(!answer.body.contains("other@example.org"));
}

async fn an_export_is_on_record_and_only_for_the_user_and_administrators(world: &World) {
    let (here, other) = (world.member(&ada()).await, world.member(&Person::new("other@example.org")).await);
    let admin = world.administrator("admin@example.org").await;
    assert_eq!(world.send(&export(here.user)).await.status, 401);
    assert_eq!(world.send(&export(here.user).by(&other)).await.status, 404);
    assert_eq!(world.send(&export(uuid::Uuid::nil()).by(&admin)).await.status, 404);
    assert_eq!(world.send(&export(here.user).by(&admin)).await.status, 200);
    let lines = "select actor || ' ' || outcome from auth_audit_events where action = 'user.export'";
    assert_eq!(world.texts(lines).await, [format!("user:{} succeeded", admin.user)]);
}

async fn messages_that_are_not_finished_are_part_of_an_export(world: &World) {
    let here = world.member(&ada()).await;
    let failed = "update ledger_messages set status = 'failed', payload = '{}' \
         where name = 'users.user_registered.v1' and subject = $1";
    world.run_on(failed, here.user).await;
    let export = world.send(&export(here.user).by(&here)).await.json();
    let message = &export["data"]["ledger"]["messages"][0];
    assert_eq!((&message["type"], &message["status"]), (&json!("users.user_registered.v1"), &json!("failed")));
    world.leaves_work();
}
