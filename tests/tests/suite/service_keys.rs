//! Service keys: what they allow, and what introspection answers.

use acceptance::{Answer, Person, Request, SignedIn, World, in_each_database};
use serde_json::{Value, json};

in_each_database! {
    a_service_learns_whether_a_token_is_good_and_no_more_when_it_is_not,
    a_key_allows_only_its_scopes,
    a_key_is_shown_once_stored_as_a_hash_and_refused_when_revoked_or_expired,
    a_malformed_key_request_is_refused_with_every_violation,
}

async fn admin(world: &World) -> SignedIn {
    let admin = world.member(&Person::new("root@example.org")).await;
    world.promote(&admin).await;
    admin
}

async fn key(world: &World, admin: &SignedIn, scope: &str) -> Value {
    let answer = world.send(&create(scope).by(admin)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn create(scope: &str) -> Request {
    Request::post("/auth/service-keys", &json!({ "name": "orders", "scope": scope, "days": 7 }))
}

fn introspect(token: &str) -> Request {
    Request::new("POST", "/auth/introspect").body("application/x-www-form-urlencoded", format!("token={token}"))
}

async fn asked(world: &World, key: &Value, token: &str) -> Answer {
    world.send(&introspect(token).bearing(key["key"].as_str().unwrap())).await
}

async fn a_service_learns_whether_a_token_is_good_and_no_more_when_it_is_not(world: &World) {
    let admin = admin(world).await;
    let key = key(world, &admin, "introspect").await;
    let ada = world.member(&Person::new("ada@example.org")).await;
    let known = asked(world, &key, &ada.access).await.json();
    assert_eq!(known["active"], true);
    assert_eq!((&known["sub"], &known["sid"]), (&json!(ada.user), &json!(ada.session)));
    assert_eq!(
        (&known["role"], &known["iss"], &known["token_type"]),
        (&json!("user"), &json!("roster"), &json!("Bearer"))
    );
    assert_eq!(known["exp"].as_i64().unwrap() - known["iat"].as_i64().unwrap(), 300);
    assert_eq!(asked(world, &key, &admin.access).await.json()["role"], "admin");
    assert_eq!(known["email_verified"], false);
    let verify = (
        "update auth_accounts set email_verified = true where user_id = $1",
        "update auth_accounts set email_verified = 1 where user_id = $1",
    );
    world.run_on(verify, ada.user).await;
    assert_eq!(asked(world, &key, &ada.access).await.json()["email_verified"], true);

    world.send(&Request::new("POST", "/auth/logout").by(&ada)).await;
    for token in [ada.access.as_str(), &ada.refresh, key["key"].as_str().unwrap(), "x", "a.b.c"] {
        assert_eq!(asked(world, &key, token).await.json(), json!({ "active": false }));
    }
}

async fn a_key_allows_only_its_scopes(world: &World) {
    let admin = admin(world).await;
    let introspects = key(world, &admin, "introspect").await;
    let audits = key(world, &admin, "audit:read").await;
    assert_eq!(asked(world, &audits, &admin.access).await.problem(), "forbidden");
    let read = |key: &Value| Request::get("/audit-events").bearing(key["key"].as_str().unwrap());
    assert_eq!(world.send(&read(&audits)).await.status, 200);
    assert_eq!(world.send(&read(&introspects)).await.problem(), "forbidden");
    let bearer = introspects["key"].as_str().unwrap();
    for request in [Request::get("/users/me"), Request::get("/auth/sessions"), create("introspect")] {
        assert_eq!(world.send(&request.bearing(bearer)).await.problem(), "forbidden");
    }
    assert_eq!(world.send(&introspect(&admin.access)).await.problem(), "unauthenticated");
    assert_eq!(
        world.send(&introspect(&admin.access).by(&admin)).await.problem(),
        "forbidden",
        "a person is no service"
    );
}

async fn a_key_is_shown_once_stored_as_a_hash_and_refused_when_revoked_or_expired(world: &World) {
    let admin = admin(world).await;
    let (one, other) = (key(world, &admin, "introspect").await, key(world, &admin, "introspect").await);
    let list = world.send(&Request::get("/auth/service-keys").by(&admin)).await;
    assert_eq!(list.json()["data"].as_array().map(Vec::len), Some(2));
    assert!(!list.body.contains(one["key"].as_str().unwrap()));
    let hashes = world
        .texts(("select encode(hash, 'hex') from auth_service_keys", "select hex(hash) from auth_service_keys"))
        .await;
    assert!(hashes.iter().all(|hash| hash.len() == 64), "{hashes:?}");

    let revoke = Request::new("DELETE", format!("/auth/service-keys/{}", one["id"].as_str().unwrap())).by(&admin);
    assert_eq!(world.send(&revoke).await.status, 204);
    assert_eq!(world.send(&revoke).await.problem(), "not_found");
    assert_eq!(asked(world, &one, &admin.access).await.problem(), "invalid_token");
    assert_eq!(asked(world, &other, &admin.access).await.status, 200);
    world.run(("update auth_service_keys set expires_at = now()", "update auth_service_keys set expires_at = 1")).await;
    assert_eq!(asked(world, &other, &admin.access).await.problem(), "invalid_token");
    let list = world.send(&Request::get("/auth/service-keys").by(&admin)).await.json();
    assert_eq!(list["data"], json!([]));
}

async fn a_malformed_key_request_is_refused_with_every_violation(world: &World) {
    let admin = admin(world).await;
    let body = json!({ "name": "", "scope": "everything", "days": 4000, "role": "admin" });
    let answer = world.send(&Request::post("/auth/service-keys", &body).by(&admin)).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let found: Vec<_> = answer.violations().into_iter().map(|(_, code)| code).collect();
    assert_eq!(found, ["name_invalid", "scopes_invalid", "days_out_of_range", "unknown_field"]);
    let text = json!({ "name": "orders", "scope": "introspect", "days": "7" });
    let answer = world.send(&Request::post("/auth/service-keys", &text).by(&admin)).await;
    assert_eq!(answer.violations(), [("/days".into(), "wrong_type".into())]);
}
