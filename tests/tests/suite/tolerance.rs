//! Habits of real clients: stale headers, late sign-outs, HTTP Basic, clocks that are behind.

use acceptance::{Person, Request, World, in_each_database};
use serde_json::{Value, json};

in_each_database! {
    a_refresh_token_signs_out_without_an_access_token_and_every_token_gets_the_same_answer,
    an_access_token_that_comes_along_with_a_refresh_token_signs_out_as_well,
    routes_that_need_no_caller_ignore_an_invalid_header,
    a_service_introspects_by_basic_and_by_form_too,
    a_key_is_refused_under_another_id_or_sent_in_two_ways,
    a_key_that_is_revoked_while_the_body_arrives_is_refused,
    invalid_keys_and_tokens_are_rate_limited,
}

fn ada() -> Person {
    Person::new("ada@example.org")
}

async fn a_refresh_token_signs_out_without_an_access_token_and_every_token_gets_the_same_answer(world: &World) {
    let here = world.member(&ada()).await;
    let there = world.sign_in(here.user, &ada()).await;
    let out = |token: &str| Request::post("/auth/logout", &json!({ "refresh_token": token }));
    let invented = format!("rr_{}", "A".repeat(43));
    for token in ["x", invented.as_str(), &there.access, &there.refresh, &there.refresh] {
        let answer = world.send(&out(token).bearing("stale")).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{token}");
    }
    assert!(!world.knows(&there).await && world.knows(&here).await);
    assert_eq!(world.count("select count(*) from auth_audit_events where action = 'sign_out'").await, 1);
    for request in [Request::new("POST", "/auth/logout"), Request::post("/auth/logout", &json!({}))] {
        assert_eq!(world.send(&request).await.problem(), "unauthenticated");
        assert_eq!(world.send(&request.bearing("stale")).await.problem(), "invalid_token");
    }
    let answer = world.send(&Request::post("/auth/logout", &json!({})).by(&here)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert!(!world.knows(&here).await);
}

async fn an_access_token_that_comes_along_with_a_refresh_token_signs_out_as_well(world: &World) {
    let here = world.member(&ada()).await;
    let there = world.sign_in(here.user, &ada()).await;
    let (_, key) = key(world, "introspect").await;
    let out = |token: &str| Request::post("/auth/logout", &json!({ "refresh_token": token }));
    assert_eq!(world.send(&out(&there.refresh).bearing(&key)).await.status, 204);
    assert!(!world.knows(&there).await && world.knows(&here).await);
    let there = world.sign_in(here.user, &ada()).await;
    assert_eq!(world.send(&out(&there.refresh).by(&here)).await.status, 204);
    assert!(!world.knows(&there).await && !world.knows(&here).await);
    let here = world.sign_in(here.user, &ada()).await;
    assert_eq!(world.send(&out("invented").by(&here)).await.status, 204);
    assert!(!world.knows(&here).await, "204 means that no session that was shown is left");
    assert_eq!(world.count("select count(*) from auth_audit_events where action = 'access'").await, 0);
}

async fn routes_that_need_no_caller_ignore_an_invalid_header(world: &World) {
    let here = world.member(&ada()).await;
    for (n, value) in ["Bearer stale", "Basic dXNlcjpwYXNz", "nonsense"].into_iter().enumerate() {
        let with = |request: Request| request.header("Authorization", value);
        let signed_up = world.send(&with(Person::new(format!("p{n}@example.org")).sign_up())).await;
        assert_eq!(world.outcome(&signed_up).await["status"], "succeeded");
        assert_eq!(world.send(&with(ada().login())).await.status, 200);
        let refresh = Request::post("/auth/refresh", &json!({ "refresh_token": "x" }));
        assert_eq!(world.send(&with(refresh)).await.problem(), "invalid_refresh_token");
        let open = ["/", "/health/live", "/health/ready", "/docs/", "/openapi.json", "/.well-known/jwks.json"];
        for path in open.into_iter().chain(["/problems/not_found"]) {
            assert_eq!(world.send(&with(Request::get(path))).await.status, 200, "{path}");
        }
        let key = format!("8e03978e-40d5-43e8-bc93-6894a57f932{n}");
        let keyed = with(Person::new(format!("k{n}@example.org")).sign_up()).header("Idempotency-Key", key);
        let keyed = world.send(&keyed).await;
        if value.starts_with("Bearer") {
            assert_eq!(keyed.problem(), "invalid_token", "the key is that of its sender");
        } else {
            assert_eq!(world.outcome(&keyed).await["status"], "succeeded");
        }
    }
    let mine = world.send(&Person::new("mine@example.org").sign_up().by(&here)).await;
    world.outcome(&mine).await;
    let seen = world.send(&Request::get(mine.header("location").unwrap()).by(&here)).await;
    assert!(seen.json()["target"].is_object(), "a good one says whose command it is");
    let command = mine.header("location").unwrap().to_owned();
    for path in [format!("/users/{}", here.user), command.clone(), format!("{command}/events")] {
        let bad = Request::get(path.as_str()).bearing("stale");
        assert_eq!(world.send(&bad).await.problem(), "invalid_token", "the answer depends on the caller: {path}");
        let proxys = Request::get(path.as_str()).header("Authorization", "Basic dXNlcjpwYXNz");
        assert_eq!(world.send(&proxys).await.status, 200, "{path}");
    }
}

async fn key(world: &World, scope: &str) -> (String, String) {
    let admin = world.administrator(&format!("root-{}@example.org", scope.replace(':', "-"))).await;
    let body = json!({ "name": "orders", "scope": scope, "days": 7 });
    let made = world.send(&Request::post("/auth/service-keys", &body).by(&admin)).await.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

fn asking(body: String) -> Request {
    Request::new("POST", "/auth/introspect").body("application/x-www-form-urlencoded", body)
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize];
            out.push(if n > three.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

fn basic(body: &str, id: &str, key: &str) -> Request {
    asking(body.to_owned()).header("Authorization", format!("Basic {}", base64(&format!("{id}:{key}"))))
}

async fn a_service_introspects_by_basic_and_by_form_too(world: &World) {
    let (id, key) = key(world, "introspect").await;
    let ada = world.member(&ada()).await;
    let token = format!("token={}", ada.access);
    let form = |id: &str, key: &str| asking(format!("{token}&client_id={id}&client_secret={key}"));
    let (dashes, underscores) = (id.replace('-', "%2D"), key.replace('_', "%5F"));
    let good = [
        basic(&token, &id, &key),
        basic(&token, &dashes, &underscores),
        basic(&format!("{token}&client_id={id}"), &id, &key),
        form(&id, &key),
        form(&dashes, &underscores),
        form(&id, &key).header("Authorization", "Negotiate YQ=="),
        asking(format!("{token}&client_id={id}")).bearing(&key),
    ];
    for request in good {
        let answer = world.send(&request).await;
        assert_eq!(answer.json()["active"], Value::Bool(true), "{request:?}: {answer:?}");
    }
    let known = world.send(&basic(&token, &id, &key)).await.json();
    assert_eq!(known["iat"].as_i64().unwrap() - known["nbf"].as_i64().unwrap(), 5, "for clocks that are behind");
    assert_eq!(world.send(&basic("token=x", &id, &key)).await.json(), json!({ "active": false }));
}

async fn a_key_is_refused_under_another_id_or_sent_in_two_ways(world: &World) {
    let (id, key) = key(world, "introspect").await;
    let (audit_id, audit_key) = self::key(world, "audit:read").await;
    let ada = world.member(&ada()).await;
    let token = format!("token={}", ada.access);
    let form = |id: &str, key: &str| asking(format!("{token}&client_id={id}&client_secret={key}"));
    let raw = |value: &str| asking(token.clone()).header("Authorization", value);
    let bad = [
        basic(&token, &audit_id, &key),
        basic(&token, &id, "rk_x"),
        basic(&token, &id, &ada.access),
        basic(&token, &id, ""),
        basic(&token, "", &key),
        basic(&token, &format!("{{{id}}}"), &key),
        basic(&token, &id, &format!("{key}%")),
        basic(&format!("{token}&client_id={audit_id}"), &id, &key),
        form(&audit_id, &key),
        form(&id, "x"),
        form("", &key),
        asking(format!("{token}&client_secret={key}")),
        asking(format!("{token}&client_id={audit_id}")).bearing(&key),
        raw("Basic"),
        raw("Basic x"),
        raw(&format!("Basic {}", base64(&key))),
    ];
    for request in bad {
        let answer = world.send(&request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid_client"), "{request:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "));
    }
    for request in [asking(token.clone()), asking(format!("{token}&client_id={id}")), raw("Digest x")] {
        assert_eq!(world.send(&request).await.problem(), "unauthenticated", "{request:?}");
    }
    let twice = basic(&token, &id, &key).bearing(&key);
    assert_eq!(world.send(&twice).await.problem(), "invalid_token");
    let both = format!("{token}&client_id={id}&client_secret={key}");
    for request in [basic(&both, &id, &key), form(&id, &key).bearing(&key), form(&id, &key).bearing("stale")] {
        let answer = world.send(&request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "several_credentials"), "{request:?}");
    }
    for request in [basic(&token, &audit_id, &audit_key), form(&audit_id, &audit_key)] {
        assert_eq!(world.send(&request).await.problem(), "forbidden", "it has another scope");
    }
}

async fn a_key_that_is_revoked_while_the_body_arrives_is_refused(world: &World) {
    let admin = world.administrator("boss@example.org").await;
    for n in 0..3 {
        let body = json!({ "name": "orders", "scope": "introspect", "days": 7 });
        let made = world.send(&Request::post("/auth/service-keys", &body).by(&admin)).await.json();
        let [id, key] = ["id", "key"].map(|name| made[name].as_str().unwrap().to_owned());
        let token = format!("token={}", admin.access);
        let held = match n {
            0 => world.hold(&asking(token).bearing(&key)).await,
            1 => world.hold(&basic(&token, &id, &key)).await,
            _ => world.hold(&asking(format!("client_id={id}&client_secret={key}&{token}"))).await,
        };
        let revoke = Request::new("DELETE", format!("/auth/service-keys/{id}")).by(&admin);
        assert_eq!(world.send(&revoke).await.status, 204);
        let code = if n == 0 { "invalid_token" } else { "invalid_client" };
        assert_eq!(held.let_go().await.problem(), code);
    }
}

async fn invalid_keys_and_tokens_are_rate_limited(world: &World) {
    let (id, key) = key(world, "introspect").await;
    let ada = world.member(&ada()).await;
    let node = world.limited_node("127.0.0.1").await;
    let form = |key: &str| asking(format!("token={}&client_id={id}&client_secret={key}", ada.access));
    let good = async || {
        for request in [form(&key), asking(format!("token={}", ada.access)).bearing(&key)] {
            let answer = node.send(&request).await;
            assert_eq!(answer.json()["active"], Value::Bool(true), "a good one is never held up: {answer:?}");
        }
    };
    let mut statuses = Vec::new();
    for n in 0..45 {
        let request = match n % 3 {
            0 => form("rk_x"),
            1 => basic("token=x", &id, "rk_x"),
            _ => asking("token=x".to_owned()).bearing("rk_x"),
        };
        statuses.push(node.send(&request).await.status);
    }
    assert!(statuses[..30].iter().all(|status| *status == 401) && statuses.contains(&429), "{statuses:?}");
    good().await;
    let inactive = asking("token=x".to_owned()).bearing(&key);
    let (mut sent, started) = (0, std::time::Instant::now());
    let refused = loop {
        let answer = node.send(&inactive).await;
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(answer.json(), json!({ "active": false }));
        sent += 1;
        assert!(started.elapsed().as_secs() < 100, "{sent} of them are not limited");
    };
    assert!(sent >= 300 && refused.header("retry-after").is_some(), "{sent}: {refused:?}");
    good().await;
    node.stop().await;
}
