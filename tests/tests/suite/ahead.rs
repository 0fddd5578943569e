//! A clock was ahead while people signed in and is right again: those sessions and keys have ended, instead of lasting
//! for years.

use acceptance::{Person, Request, World, in_each_world};
use serde_json::json;

in_each_world! {
    sessions_and_service_keys_of_a_clock_that_was_ahead_have_ended,
}

async fn sessions_and_service_keys_of_a_clock_that_was_ahead_have_ended(world: &World) {
    let person = Person::new("root@example.org");
    let admin = world.member(&person).await;
    world.promote(&admin).await;
    let create = Request::post("/auth/service-keys", &json!({ "name": "orders", "scope": "audit:read", "days": 7 }));
    let key = world.send(&create.by(&admin)).await.json()["key"].as_str().unwrap().to_owned();
    let read = Request::get("/audit-events").bearing(&key);
    assert_eq!(world.send(&read).await.status, 200);
    world
        .run((
            "update auth_sessions set opened_at = opened_at + interval '70 years', \
             refreshed_at = refreshed_at + interval '70 years', expires_at = expires_at + interval '70 years'",
            "update auth_sessions set opened_at = opened_at + 2207520000000000, \
             refreshed_at = refreshed_at + 2207520000000000, expires_at = expires_at + 2207520000000000",
        ))
        .await;
    world
        .run((
            "update auth_service_keys set created_at = created_at + interval '1 hour', expires_at = expires_at + interval '1 hour'",
            "update auth_service_keys set created_at = created_at + 3600000000, expires_at = expires_at + 3600000000",
        ))
        .await;
    assert_eq!(auth_infrastructure::queries::ahead_of_the_clock(&world.db).await.unwrap(), 2);
    assert_eq!(world.send(&read).await.status, 401);
    assert_eq!(world.send(&Request::get("/users/me").by(&admin)).await.status, 401);
    assert_eq!(world.send(&admin.refreshing()).await.status, 401);
    let again = world.sign_in(admin.user, &person).await;
    let sessions = world.send(&Request::get("/auth/sessions").by(&again)).await.json();
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1, "{sessions}");
    auth_infrastructure::tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count("select count(*) from auth_sessions").await, 1, "ended sessions are deleted");
    let keys = world.send(&Request::get("/auth/service-keys").by(&again)).await.json();
    assert_eq!(keys["data"], json!([]));
}
