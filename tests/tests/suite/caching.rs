//! Conditional requests for users, and headers that keep answers private.

use acceptance::{Person, Request, World, in_each_world, in_one_world};

in_each_world! {
    a_client_that_has_this_version_gets_304,
}

in_one_world! {
    head_returns_a_user_without_the_body,
    a_resource_says_which_methods_it_offers,
    every_answer_has_the_security_headers,
}

async fn a_client_that_has_this_version_gets_304(world: &World) {
    let id = world.register(&Person::new("ada@example.org").called("Ada")).await;
    let user = format!("/users/{id}");
    let answer = world.get(&user).await;
    let tag = answer.header("etag").unwrap();
    assert_eq!(answer.header("cache-control"), Some("no-cache"), "kept, and asked about each time");
    assert_eq!(answer.header("vary"), Some("Authorization"));
    for tag in [tag, &format!("W/{tag}"), &format!("\"0\", {tag}"), "*"] {
        let again = world.send(&Request::get(&user).header("If-None-Match", tag)).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{tag}");
        for name in ["etag", "cache-control", "vary"] {
            assert_eq!(again.header(name), answer.header(name), "{name}");
        }
    }
    for tag in ["\"2\"", "1", "", "W/\"10\"", tag.trim_matches('"')] {
        let again = world.send(&Request::get(&user).header("If-None-Match", tag)).await;
        assert_eq!((again.status, &again.body), (200, &answer.body), "{tag}");
    }
}

async fn head_returns_a_user_without_the_body(world: &World) {
    let id = world.register(&Person::new("ada@example.org")).await;
    let user = format!("/users/{id}");
    let (get, head) = (world.get(&user).await, world.send(&Request::new("HEAD", &user)).await);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for name in ["content-type", "content-length", "etag", "cache-control", "vary"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let gone = world.send(&Request::new("HEAD", "/users/01890a5d-ac96-774b-bcce-b302099a8057")).await;
    assert_eq!((gone.status, gone.body.as_str()), (404, ""));
}

async fn a_resource_says_which_methods_it_offers(world: &World) {
    let id = world.register(&Person::new("ada@example.org")).await;
    for (method, target, allow) in [
        ("PATCH", "/users".to_owned(), "POST,GET,HEAD"),
        ("DELETE", "/users".to_owned(), "POST,GET,HEAD"),
        ("PUT", "/users".to_owned(), "POST,GET,HEAD"),
        ("OPTIONS", "/users".to_owned(), "POST,GET,HEAD"),
        ("POST", format!("/users/{id}"), "PATCH,DELETE,GET,HEAD"),
        ("PUT", format!("/users/{id}"), "PATCH,DELETE,GET,HEAD"),
        ("TRACE", format!("/users/{id}"), "PATCH,DELETE,GET,HEAD"),
        ("CANARY", format!("/users/{id}"), "PATCH,DELETE,GET,HEAD"),
        ("POST", "/health/ready".to_owned(), "GET,HEAD"),
        ("POST", "/openapi.json".to_owned(), "GET,HEAD"),
    ] {
        let answer = world.send(&Request::new(method, &target)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (405, "method_not_allowed"), "{method} {target}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {target}");
        assert!(!answer.body.contains("CANARY"));
    }
}

async fn every_answer_has_the_security_headers(world: &World) {
    let id = world.register(&Person::new("ada@example.org")).await;
    let targets =
        [format!("/users/{id}"), "/users/7".into(), "/health/live".into(), "/nowhere".into(), "/docs/".into()];
    for target in targets {
        let answer = world.get(&target).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{target}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{target}");
        assert_eq!(answer.header("server"), None, "{target}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{target}");
    }
}
