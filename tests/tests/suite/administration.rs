//! Roles, and the audit log.

use acceptance::{Person, Request, SignedIn, World, in_each_world};
use serde_json::{Value, json};

in_each_world! {
    an_administrator_signs_a_user_out_everywhere,
    an_administrator_makes_others_and_a_role_holds_from_the_next_request_on,
    the_last_administrator_cannot_be_demoted_even_concurrently,
    security_events_are_in_the_audit_log_and_secrets_are_not,
    the_audit_log_is_read_in_pages_by_filters_and_never_changed,
}

fn set_role(of: &SignedIn, role: &str, by: &SignedIn) -> Request {
    Request::new("PUT", format!("/auth/roles/{}", of.user))
        .body("application/json", json!({ "role": role }).to_string())
        .by(by)
}

async fn an_administrator_makes_others_and_a_role_holds_from_the_next_request_on(world: &World) {
    let ada = world.member(&Person::new("ada@example.org")).await;
    let eve = world.member(&Person::new("eve@example.org")).await;
    assert_eq!(world.send(&set_role(&eve, "admin", &eve)).await.problem(), "forbidden");
    world.promote(&ada).await;
    assert_eq!(world.send(&set_role(&eve, "root", &ada)).await.status, 422);
    assert_eq!(world.send(&set_role(&eve, "admin", &ada)).await.status, 204);
    assert_eq!(world.send(&set_role(&ada, "user", &eve)).await.status, 204, "with the token that eve has had");
    assert_eq!(world.send(&set_role(&eve, "user", &ada)).await.problem(), "forbidden");
    let unknown = SignedIn { user: uuid::Uuid::from_u128(7), ..eve.clone() };
    assert_eq!(world.send(&set_role(&unknown, "admin", &eve)).await.problem(), "not_found");
}

async fn the_last_administrator_cannot_be_demoted_even_concurrently(world: &World) {
    let people = ["a", "b", "c"].map(|name| Person::new(format!("{name}@example.org")));
    let mut all = Vec::new();
    for person in &people {
        all.push(world.member(person).await);
    }
    for _ in 0..20 {
        for who in &all {
            world.promote(who).await;
        }
        // Each administrator demotes the next one.
        let requests = (0..3).map(|n| set_role(&all[(n + 1) % 3], "user", &all[n]));
        world.send_all(requests).await;
        assert!(world.count("select count(*) from auth_accounts where role = 'admin'").await >= 1);
    }
    world.promote(&all[0]).await;
    for who in &all[1..] {
        world.send(&set_role(who, "user", &all[0])).await;
    }
    let last = world.send(&set_role(&all[0], "user", &all[0])).await;
    assert_eq!((last.status, last.problem().as_str()), (409, "last_administrator"));
}

async fn security_events_are_in_the_audit_log_and_secrets_are_not(world: &World) {
    let person = Person::new("ada@example.org");
    let ada = world.member(&person).await;
    let wrong = person.clone().with_password("another password, which is wrong");
    world.send(&wrong.login()).await;
    world.send(&Person::new("unknown@example.org").login()).await;
    world.send(&Request::get("/audit-events").by(&ada)).await;
    let renewed = SignedIn::of(ada.user, &world.send(&ada.refreshing()).await);
    world.send(&ada.refreshing()).await;
    let admin = world.sign_in(ada.user, &person).await;
    world.promote(&admin).await;

    let answer = world.send(&Request::get("/audit-events").by(&admin)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for secret in [&person.password, &wrong.password, &ada.refresh, &ada.access, &renewed.refresh] {
        assert!(!answer.body.contains(secret.as_str()));
    }
    assert!(!answer.body.contains("unknown@example.org"), "nothing that was typed");
    let me = json!(format!("user:{}", ada.user));
    let lines: Vec<_> = answer.json()["data"].as_array().unwrap().clone();
    let found: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["address"], "127.0.0.1");
            assert!(line["request_id"].is_string());
            let who = if line["actor"] == me { "ada" } else { line["actor"].as_str().unwrap() };
            let on = if line["user_id"] == json!(ada.user) { "ada" } else { "no user" };
            let reason = line["reason"].as_str().unwrap_or("-").to_owned();
            (line["action"].as_str().unwrap().to_owned(), who.to_owned(), on, reason)
        })
        .collect();
    let line = |action: &str, who: &str, on: &'static str, reason: &str| (action.into(), who.into(), on, reason.into());
    assert_eq!(
        found,
        [
            line("sign_in", "ada", "ada", "-"),
            line("session.refresh", "ada", "ada", "replayed"),
            line("access", "ada", "ada", "forbidden"),
            line("sign_in", "anonymous", "no user", "wrong_credentials"),
            line("sign_in", "anonymous", "ada", "wrong_credentials"),
            line("sign_in", "ada", "ada", "-"),
        ]
    );
}

async fn the_audit_log_is_read_in_pages_by_filters_and_never_changed(world: &World) {
    let person = Person::new("ada@example.org");
    let ada = world.member(&person).await;
    world.promote(&ada).await;
    let wrong = person.with_password("another password, which is wrong").login();
    for _ in 0..5 {
        world.send(&wrong).await;
    }
    let read = async |target: String| {
        let answer = world.send(&Request::get(target).by(&ada)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    };
    let (mut target, mut ids) = (format!("/audit-events?limit=2&outcome=refused&user_id={}", ada.user), Vec::new());
    loop {
        let page = read(target).await;
        let lines = page.json()["data"].as_array().unwrap().clone();
        ids.extend(lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()));
        match page.header("link") {
            Some(link) => target = link.trim_start_matches('<').split('>').next().unwrap().to_owned(),
            None => break,
        }
    }
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (5, 5));
    let by_her = read(format!("/audit-events?actor=user:{}&action=sign_in", ada.user)).await.json();
    assert_eq!(by_her["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(read("/audit-events?action=nothing".into()).await.json()["data"], Value::Array(Vec::new()));
    for (query, code) in
        [("who=me", 400), ("limit=-1", 422), ("cursor=x", 422), ("action=%27%3B--", 422), ("user_id=1", 422)]
    {
        let answer = world.send(&Request::get(format!("/audit-events?{query}")).by(&ada)).await;
        assert_eq!(answer.status, code, "{query}");
    }
    for change in ["update auth_audit_events set action = 'x'", "delete from auth_audit_events"] {
        assert!(world.refuses(change).await, "{change}");
    }
}

async fn an_administrator_signs_a_user_out_everywhere(world: &World) {
    let admin = world.administrator("root@example.org").await;
    let ada = Person::new("ada@example.org");
    let here = world.member(&ada).await;
    let there = world.sign_in(here.user, &ada).await;
    let request = Request::new("DELETE", format!("/users/{}/sessions", here.user)).by(&admin);
    let answer = world.send(&request.wait(30)).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("active")), "{answer:?}");
    for session in [&here, &there] {
        assert!(!world.knows(session).await);
        assert_eq!(world.send(&session.refreshing()).await.problem(), "invalid_refresh_token");
    }
    assert!(world.knows(&admin).await);
    world.sign_in(here.user, &ada).await;
    let line = "select action || ' ' || outcome || ' ' || actor from auth_audit_events where action = 'session.end'";
    assert_eq!(world.texts(line).await, [format!("session.end succeeded user:{}", admin.user)]);
    let missing = Request::new("DELETE", format!("/users/{}/sessions", kernel::MessageId::random())).by(&admin);
    assert_eq!(world.send(&missing).await.status, 404);
}
