//! More entries of the audit log, and the creators of service keys.

use acceptance::{Person, Request, World, in_each_world};
use serde_json::json;

in_each_world! {
    reading_the_audit_log_and_a_refused_deactivation_of_oneself_are_recorded,
    a_service_key_names_its_creator_and_check_warns_when_that_is_no_administrator_any_more,
    a_change_of_the_password_to_the_same_one_is_refused_however_it_is_typed,
}

async fn reading_the_audit_log_and_a_refused_deactivation_of_oneself_are_recorded(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    assert_eq!(world.send(&admin.deactivating().by(&admin)).await.problem(), "own_account");
    let first = world.send(&Request::get("/audit-events?limit=1").by(&admin)).await.json();
    let line = &first["data"][0];
    let me = json!(format!("user:{}", admin.user));
    assert_eq!((&line["action"], &line["outcome"]), (&json!("user.deactivate"), &json!("refused")), "{line}");
    assert_eq!((&line["reason"], &line["actor"]), (&json!("own_account"), &me), "{line}");
    assert_eq!((&line["user_id"], &line["address"]), (&json!(admin.user), &json!("127.0.0.1")), "{line}");
    let second = world.send(&Request::get("/audit-events?limit=1").by(&admin)).await.json();
    let line = &second["data"][0];
    assert_eq!((&line["action"], &line["actor"]), (&json!("audit.read"), &me), "{line}");
    let body = json!({ "name": "collector", "scope": "audit:read" });
    let key = world.send(&Request::post("/auth/service-keys", &body).by(&admin)).await.json();
    let bearing = Request::get("/audit-events?limit=1").bearing(key["key"].as_str().unwrap());
    assert_eq!(world.send(&bearing).await.json()["data"][0]["action"], "service_key.create");
    let line = &world.send(&bearing).await.json()["data"][0];
    let service = format!("service:{}", key["id"].as_str().unwrap());
    assert_eq!((&line["action"], &line["actor"]), (&json!("audit.read"), &json!(service)), "{line}");
}

async fn a_service_key_names_its_creator_and_check_warns_when_that_is_no_administrator_any_more(world: &World) {
    let boss = world.administrator("boss@example.org").await;
    let mut made = Vec::new();
    for name in ["stays", "demoted", "deactivated"] {
        let admin = world.administrator(&format!("{name}@example.org")).await;
        let body = json!({ "name": name, "scope": "introspect" });
        let key = world.send(&Request::post("/auth/service-keys", &body).by(&admin)).await.json();
        made.push((name, admin, key["id"].clone()));
    }
    let listed = world.send(&Request::get("/auth/service-keys").by(&boss)).await.json();
    for (name, admin, id) in &made {
        let key = listed["data"].as_array().unwrap().iter().find(|it| it["id"] == *id).unwrap();
        assert_eq!((&key["name"], &key["created_by"]), (&json!(name), &json!(format!("user:{}", admin.user))));
    }
    let orphaned = async || {
        let keys = auth_infrastructure::queries::get_service_keys::orphaned(&world.db).await.unwrap();
        keys.into_iter().map(|key| key.name).collect::<Vec<_>>()
    };
    assert!(orphaned().await.is_empty());
    let demote = Request::new("PUT", format!("/auth/roles/{}", made[1].1.user))
        .body("application/json", json!({ "role": "user" }).to_string())
        .by(&boss);
    assert_eq!(world.send(&demote).await.status, 204);
    world.deactivate(&made[2].1, &boss).await;
    assert_eq!(orphaned().await, ["demoted", "deactivated"]);
}

async fn a_change_of_the_password_to_the_same_one_is_refused_however_it_is_typed(world: &World) {
    let person = Person::new("ada@example.org").with_password("drei blaue W\u{fc}rfel rollen");
    let ada = world.member(&person).await;
    for new in ["drei blaue W\u{fc}rfel rollen", "drei blaue Wu\u{308}rfel rollen"] {
        let change = json!({ "current_password": person.password, "new_password": new });
        let answer = world.send(&Request::post("/auth/password", &change).by(&ada)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid_request"), "{answer:?}");
        assert_eq!(answer.violations(), [("/new_password".to_owned(), "same_password".to_owned())]);
    }
    let change = json!({ "current_password": person.password, "new_password": "vier gr\u{fc}ne W\u{fc}rfel rollen" });
    assert_eq!(world.send(&Request::post("/auth/password", &change).by(&ada)).await.status, 204);
}
