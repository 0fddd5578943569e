//! Signing in, sessions, and signing out.

use acceptance::process::until;
use acceptance::{PATIENCE, Person, Request, SignedIn, World, in_each_database, in_one_world};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

in_each_database! {
    a_signed_in_user_is_recognised_and_sees_their_whole_account,
    the_address_may_be_spelled_differently_and_the_password_may_not,
    a_refusal_does_not_distinguish_unknown_address_wrong_password_and_deactivated_account,
    a_session_is_renewed_by_its_latest_token_and_ended_by_a_used_one,
    every_invalid_refresh_token_gets_the_same_answer,
    a_sign_out_takes_effect_at_once,
    a_user_sees_and_ends_only_their_own_sessions,
    a_changed_password_replaces_the_old_one_and_ends_the_other_sessions,
    a_token_is_accepted_in_the_bearer_form_only,
    the_published_keys_contain_no_secret,
    a_user_has_at_most_a_hundred_live_sessions_and_the_oldest_end,
}

in_one_world! {
    a_sign_in_too_many_is_refused_before_its_body_has_arrived,
}

fn ada() -> Person {
    Person::new("ada@example.org").called("Ada")
}

async fn a_signed_in_user_is_recognised_and_sees_their_whole_account(world: &World) {
    let ada = world.member(&ada()).await;
    let me = world.send(&Request::get("/users/me").by(&ada)).await;
    assert_eq!(me.status, 200, "{me:?}");
    assert_eq!((me.header("cache-control"), me.header("vary")), (Some("no-store"), Some("Authorization")));
    let me = me.json();
    assert_eq!((&me["id"], &me["email"]), (&json!(ada.user), &json!("ada@example.org")));

    let path = format!("/users/{}", ada.user);
    assert_eq!(world.send(&Request::get(&path).by(&ada)).await.json(), me);
    let eve = world.member(&Person::new("eve@example.org")).await;
    let mut public = me.clone();
    public
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !["email", "email_verified", "role", "status"].contains(&name.as_str()));
    for request in [Request::get(&path), Request::get(&path).by(&eve)] {
        assert_eq!(world.send(&request).await.json(), public);
    }
    world.promote(&eve).await;
    assert_eq!(world.send(&Request::get(&path).by(&eve)).await.json(), me, "an administrator sees everything");
}

async fn the_address_may_be_spelled_differently_and_the_password_may_not(world: &World) {
    let person = ada().with_password("Correct horse, battery staple");
    let ada = world.member(&person).await;
    let login = |email: &str, password: &str| Person::new(email).with_password(password).login();
    let other = world.send(&login("ADA@Example.ORG", &person.password)).await;
    assert_eq!(SignedIn::of(ada.user, &other).user, ada.user);
    for password in [
        "correct horse, battery staple",
        "Correct horse, battery staple ",
        " Correct horse, battery staple",
        "Correct horse, battery stapl",
        "x",
    ] {
        let answer = world.send(&login(&person.email, password)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "wrong_credentials"), "{password:?}");
    }
}

async fn a_refusal_does_not_distinguish_unknown_address_wrong_password_and_deactivated_account(world: &World) {
    world.member(&ada()).await;
    let off = Person::new("off@example.org");
    let deactivated = world.member(&off).await;
    world.deactivate(&deactivated, &world.administrator("admin@example.org").await).await;
    let wrong = ada().with_password("another password, which is wrong");
    let unknown = Person::new("unknown@example.org");
    let answers = world.send_all([wrong.login(), unknown.login(), off.login()]).await;
    let shown = |body: Value| {
        let mut body = body.as_object().unwrap().clone();
        body.remove("instance");
        body.remove("trace_id");
        body
    };
    for answer in &answers {
        assert_eq!((answer.status, answer.problem().as_str()), (401, "wrong_credentials"));
        assert_eq!(shown(answer.json()), shown(answers[0].json()));
        assert_eq!(answer.header("www-authenticate"), answers[0].header("www-authenticate"));
    }
    assert!(!world.knows(&deactivated).await, "and their session has ended");
    assert_eq!(world.send(&deactivated.refreshing()).await.problem(), "invalid_refresh_token");
}

async fn a_session_is_renewed_by_its_latest_token_and_ended_by_a_used_one(world: &World) {
    let first = world.member(&ada()).await;
    let second = SignedIn::of(first.user, &world.send(&first.refreshing()).await);
    assert_eq!(second.session, first.session);
    assert!(world.knows(&first).await && world.knows(&second).await, "an access token lasts as long as it says");
    let third = SignedIn::of(first.user, &world.send(&second.refreshing()).await);

    let replayed = world.send(&first.refreshing()).await;
    assert_eq!((replayed.status, replayed.problem().as_str()), (401, "invalid_refresh_token"));
    for ended in [&first, &second, &third] {
        assert!(!world.knows(ended).await, "a stolen token has ended, too");
        assert_eq!(world.send(&ended.refreshing()).await.problem(), "invalid_refresh_token");
    }
}

async fn every_invalid_refresh_token_gets_the_same_answer(world: &World) {
    let ada = world.member(&ada()).await;
    let out = world.send(&Request::new("POST", "/auth/logout").by(&ada)).await;
    assert_eq!(out.status, 204, "{out:?}");
    let unknown = format!("rr_{}", "A".repeat(43));
    for token in [ada.refresh.as_str(), &ada.access, &unknown, "rr_", "x", "rr_\u{e9}"] {
        let answer = world.send(&Request::post("/auth/refresh", &json!({ "refresh_token": token }))).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid_refresh_token"), "{token}");
    }
}

async fn a_sign_out_takes_effect_at_once(world: &World) {
    let here = world.member(&ada()).await;
    let there = world.sign_in(here.user, &ada()).await;
    let out = world.send(&Request::new("POST", "/auth/logout").by(&here)).await;
    assert_eq!((out.status, out.body.as_str(), out.header("content-type")), (204, "", None));
    assert!(!world.knows(&here).await && world.knows(&there).await);
    assert_eq!(world.send(&here.refreshing()).await.problem(), "invalid_refresh_token");
}

async fn a_user_sees_and_ends_only_their_own_sessions(world: &World) {
    let here = world.member(&ada()).await;
    let there = world.sign_in(here.user, &ada()).await;
    let elsewhere = world.sign_in(here.user, &ada()).await;
    let eve = world.member(&Person::new("eve@example.org")).await;

    let page = world.send(&Request::get("/auth/sessions?limit=2").by(&here)).await;
    let next = page.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(page.header("link").unwrap(), format!("</auth/sessions?limit=2&cursor={next}>; rel=\"next\""));
    let rest = world.send(&Request::get(format!("/auth/sessions?limit=2&cursor={next}")).by(&here)).await.json();
    assert_eq!(rest["next_cursor"], Value::Null);
    let all: Vec<_> = [page.json(), rest].iter().flat_map(|page| page["data"].as_array().unwrap().clone()).collect();
    let ids: Vec<_> = all.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [&elsewhere, &there, &here].map(|session| session.session.to_string()), "the latest first");
    assert_eq!(all.iter().map(|it| it["is_current"].as_bool().unwrap()).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(all[0]["address"], "127.0.0.1");

    let end = |session: &SignedIn| Request::new("DELETE", format!("/auth/sessions/{}", session.session));
    assert_eq!(world.send(&end(&there).by(&eve)).await.problem(), "not_found", "not even an administrator's sight");
    assert_eq!(world.send(&end(&there).by(&here)).await.status, 204);
    assert_eq!(world.send(&end(&there).by(&here)).await.problem(), "not_found");
    assert!(world.knows(&here).await && !world.knows(&there).await && world.knows(&elsewhere).await);

    assert_eq!(world.send(&Request::new("DELETE", "/auth/sessions").by(&here)).await.status, 204);
    assert!(world.knows(&here).await && !world.knows(&elsewhere).await && world.knows(&eve).await);
}

async fn a_changed_password_replaces_the_old_one_and_ends_the_other_sessions(world: &World) {
    let here = world.member(&ada()).await;
    let there = world.sign_in(here.user, &ada()).await;
    let change = |current: &str, new: &str| {
        Request::post("/auth/password", &json!({ "current_password": current, "new_password": new })).by(&here)
    };
    let new = "noch drei blaue Würfel";
    let wrong = world.send(&change("not the password at all", new)).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    assert_eq!(wrong.violations(), [("/current_password".into(), "wrong_password".into())]);
    let of_theirs = format!("my {}", ada().email);
    for (weak, code) in [
        ("password1", "password_too_short"),
        (&*of_theirs, "password_contains_email"),
        ("Roster, roster 2026", "password_contains_service"),
    ] {
        let refused = world.send(&change(&ada().password, weak)).await;
        assert!(refused.violations().contains(&("/new_password".into(), code.into())), "{refused:?}");
    }
    assert!(world.knows(&there).await, "nothing has changed yet");

    let changed = world.send(&change(&ada().password, new)).await;
    assert_eq!(changed.status, 204, "{changed:?}");
    assert!(world.knows(&here).await && !world.knows(&there).await);
    assert_eq!(world.send(&there.refreshing()).await.problem(), "invalid_refresh_token");
    assert_eq!(world.send(&ada().login()).await.problem(), "wrong_credentials");
    world.sign_in(here.user, &ada().with_password(new)).await;
    assert_eq!(world.send(&here.refreshing()).await.status, 200);
}

async fn a_token_is_accepted_in_the_bearer_form_only(world: &World) {
    let ada = world.member(&ada()).await;
    let access = &ada.access;
    let good = [format!("Bearer {access}"), format!("bearer {access}"), format!("BEARER  {access}")];
    for value in good {
        let answer = world.send(&Request::get("/users/me").header("Authorization", &value)).await;
        assert_eq!(answer.status, 200, "{value}");
    }
    let bad = [
        "Bearer".into(),
        "Bearer ".into(),
        format!("Bearer {access} {access}"),
        format!("Bearer {}", ada.refresh),
        format!("Bearer {access}."),
        format!("Bearer {}", "x".repeat(5_000)),
    ];
    for value in bad {
        for path in ["/users/me".to_owned(), format!("/users/{}", ada.user)] {
            let answer = world.send(&Request::get(path).header("Authorization", &value)).await;
            assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid_token"), "{value}");
            assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
        }
    }
    for other in [access.clone(), format!("Basic {access}"), format!("Token {access}")] {
        let me = world.send(&Request::get("/users/me").header("Authorization", &other)).await;
        assert_eq!(me.problem(), "unauthenticated", "another scheme is no token: {other}");
        let path = format!("/users/{}", ada.user);
        let public = world.send(&Request::get(path).header("Authorization", &other)).await;
        assert!(public.status == 200 && !public.body.contains("email"), "{public:?}");
    }
    let twice = Request::get("/users/me").by(&ada).by(&ada);
    assert_eq!(world.send(&twice).await.problem(), "invalid_token");
    let none = world.get("/users/me").await;
    assert_eq!((none.status, none.problem().as_str()), (401, "unauthenticated"));
    assert_eq!(none.header("www-authenticate"), Some("Bearer realm=\"roster\""));
    assert_eq!(world.get(format!("/users/me?access_token={access}")).await.status, 401, "never from the address");
}

async fn the_published_keys_contain_no_secret(world: &World) {
    let answer = world.get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 1);
    let mut members: Vec<_> = keys[0].as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
}

async fn a_user_has_at_most_a_hundred_live_sessions_and_the_oldest_end(world: &World) {
    let first = world.member(&ada()).await;
    for _ in 0..10 {
        let answers = world.send_all((0..10).map(|_| ada().login())).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    }
    assert_eq!(world.count("select count(*) from auth_sessions where ended_at is null").await, 100);
    assert!(!world.knows(&first).await);
    // They have expired: upkeep deletes them with their tokens.
    world
        .run((
            "update auth_sessions set expires_at = now() - interval '1 s'",
            "update auth_sessions set expires_at = 1",
        ))
        .await;
    world.sign_in(first.user, &ada()).await;
    auth_infrastructure::tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count("select count(*) from auth_sessions").await, 1);
    assert_eq!(world.count("select count(*) from auth_refresh_tokens").await, 1);
}

async fn a_sign_in_too_many_is_refused_before_its_body_has_arrived(world: &World) {
    // Each of these hashes takes more than a second, so that a few of them are too many.
    let node = world.node_with(|options| options.bcrypt_cost = 15.try_into().unwrap()).await;
    let many = 4 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let unknown = |n: usize| {
        Request::post("/auth/login", &json!({ "email": format!("{n}@example.org"), "password": "right or wrong" }))
    };
    let begin = async || {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        let head = "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4_096];
        // Otherwise the server waits for the body.
        let read = timeout(Duration::from_millis(500), stream.read(&mut answer)).await.ok()?.unwrap();
        Some(String::from_utf8_lossy(&answer[..read]).into_owned())
    };
    // Those who are refused come back until they are admitted, so that the queue stays full for some seconds.
    let refused = until(PATIENCE, "a refusal", begin);
    let (refused, answers) = tokio::join!(refused, node.send_all((0..many).map(unknown)));
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("overloaded"), "{refused}");
    assert!(refused.to_lowercase().contains("\r\nretry-after: "), "{refused}");
    assert!(answers.iter().all(|answer| answer.status == 401), "{answers:?}");
    node.stop().await;
}
