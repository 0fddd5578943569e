//! Pages of other origins (CORS).

use acceptance::process::uuid;
use acceptance::{Answer, Node, Person, Request, World, in_one_world};
use serde_json::{Value, json};
use std::collections::BTreeSet;

in_one_world! {
    a_preflight_allows_the_methods_of_its_route_and_no_others,
    a_preflight_of_a_path_without_a_route_is_a_404_that_a_page_can_read,
    a_page_of_an_allowed_origin_can_read_answers_and_errors,
    another_spelling_of_an_allowed_origin_is_foreign,
    every_answer_varies_by_origin,
    without_the_setting_no_page_of_another_origin_is_answered,
}

const APP: &str = "https://app.example.org";
const ORIGINS: &str = "https://app.example.org, http://localhost:3000";
const ANY_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn preflight(target: impl Into<String>, method: &str) -> Request {
    Request::new("OPTIONS", target)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", "authorization,content-type")
}

fn words(answer: &Answer, name: &str) -> BTreeSet<String> {
    let words = answer.header(name).unwrap_or_default().split(',').map(|word| word.trim().to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

/// All headers of CORS, which are those that a browser reads.
fn cors_headers(answer: &Answer) -> Vec<&str> {
    answer.head.lines().filter(|line| line.to_lowercase().starts_with("access-control-")).collect()
}

fn vary(answer: &Answer) -> String {
    let lines = answer.head.lines().filter_map(|line| line.to_lowercase().strip_prefix("vary: ").map(str::to_owned));
    lines.collect::<Vec<_>>().join(", ")
}

async fn a_preflight_allows_the_methods_of_its_route_and_no_others(world: &World) {
    let node = world.node_for_pages_of(ORIGINS).await;
    let document = node.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    for (path, operations) in paths {
        let mut methods: BTreeSet<_> = operations.as_object().unwrap().keys().map(|it| it.to_uppercase()).collect();
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        let target = path.replace("{id}", ANY_ID).replace("{email}", "ada@example.org");
        assert!(!target.contains('{'), "{target}");
        for method in &methods {
            let answer = node.send(&preflight(&target, method).header("Origin", APP)).await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{method} {path}: {answer:?}");
            assert_eq!(words(&answer, "access-control-allow-methods"), methods, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
            let headers = words(&answer, "access-control-allow-headers");
            let needed = ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "prefer"];
            assert!(needed.iter().all(|name| headers.contains(*name)), "{headers:?}");
            for parameter in operations[method.to_lowercase()]["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap().to_lowercase();
                assert!(parameter["in"] != "header" || headers.contains(&name), "{method} {path}: {name}");
            }
            assert_eq!(answer.header("access-control-max-age"), Some("7200"));
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
    assert!(paths.len() > 15, "{}", paths.len());
    node.stop().await;
}

async fn a_preflight_of_a_path_without_a_route_is_a_404_that_a_page_can_read(world: &World) {
    let node = world.node_for_pages_of(ORIGINS).await;
    let answer = node.send(&preflight("/nowhere", "GET").header("Origin", APP)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (404, "not_found"));
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    // Without the header that makes it a preflight, it is a request like any other.
    let options = node.send(&Request::new("OPTIONS", "/users").header("Origin", APP)).await;
    assert_eq!((options.status, options.header("allow")), (405, Some("POST,GET,HEAD")));
    node.stop().await;
}

async fn a_page_of_an_allowed_origin_can_read_answers_and_errors(world: &World) {
    let id = world.register(&Person::new("ada@example.org")).await;
    let node = world.node_for_pages_of(ORIGINS).await;
    let user = node.get(format!("/users/{id}")).await;
    let cached = Request::get(format!("/users/{id}")).header("If-None-Match", user.header("etag").unwrap());
    let invalid = Request::get("/users/me").header("Authorization", "Bearer invalid");
    let large = Request::post("/users", &json!({ "email": "x".repeat(100_000) }));
    for (request, status) in [
        (Request::get(format!("/users/{id}")), 200),
        (cached, 304),
        (Request::get("/.well-known/jwks.json"), 200),
        (Request::get("/openapi.json"), 200),
        (Request::get("/users?unknown=1"), 401),
        (invalid, 401),
        (Request::get(format!("/users/{ANY_ID}")), 404),
        (Request::get("/nowhere"), 404),
        (Request::new("PUT", "/users"), 405),
        (large, 413),
        (Request::post("/users", &Value::Null), 422),
    ] {
        for origin in ["http://localhost:3000", APP] {
            let answer = node.send(&request.clone().header("Origin", origin)).await;
            can_be_read(&answer, status, origin);
        }
    }
    for _ in 0..30 {
        can_be_read(&unknown_command(&node).await, 404, APP);
    }
    let limited = unknown_command(&node).await;
    can_be_read(&limited, 429, APP);
    assert!(limited.header("retry-after").is_some());
    node.stop().await;
}

async fn unknown_command(node: &Node) -> Answer {
    node.send(&Request::get(format!("/commands/{}", uuid())).header("Origin", APP)).await
}

fn can_be_read(answer: &Answer, status: u16, origin: &str) {
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, Some(origin)), "{answer:?}");
    let expected = [
        "etag",
        "idempotency-replayed",
        "link",
        "location",
        "preference-applied",
        "retry-after",
        "www-authenticate",
        "x-request-id",
    ];
    assert_eq!(words(answer, "access-control-expose-headers"), expected.map(str::to_owned).into());
    assert_eq!(cors_headers(answer).len(), 2, "{answer:?}");
}

async fn another_spelling_of_an_allowed_origin_is_foreign(world: &World) {
    let node = world.node_for_pages_of(ORIGINS).await;
    let node_of_null = world.node_for_pages_of("").await;
    for origin in [
        "https://evil.example",
        "null",
        "",
        "*",
        "https://APP.example.org",
        "HTTPS://app.example.org",
        "http://app.example.org",
        "https://app.example.org:443",
        "https://app.example.org:8443",
        "https://app.example.org/",
        "https://app.example.org.evil.example",
        "https://evil.example/https://app.example.org",
        "https://sub.app.example.org",
        "https://app.example.org, https://app.example.org",
        "http://localhost",
        "http://localhost:3001",
        "http://127.0.0.1:3000",
    ] {
        for node in [&node, &node_of_null] {
            let answer = node.send(&Request::get("/health/live").header("Origin", origin)).await;
            assert_eq!((answer.status, cors_headers(&answer)), (200, vec![]), "{origin}");
            let answer = node.send(&preflight("/users", "POST").header("Origin", origin)).await;
            assert_eq!((answer.status, cors_headers(&answer)), (405, vec![]), "{origin}");
        }
    }
    let twice = Request::get("/health/live").header("Origin", APP).header("Origin", APP);
    assert_eq!(cors_headers(&node.send(&twice).await).len(), 0);
    node_of_null.stop().await;
    node.stop().await;
}

async fn every_answer_varies_by_origin(world: &World) {
    let id = world.register(&Person::new("ada@example.org")).await;
    let node = world.node_for_pages_of(ORIGINS).await;
    for (target, expected) in [
        (format!("/users/{id}"), "authorization, origin"),
        ("/users/me".to_owned(), "origin"),
        ("/".to_owned(), "accept, origin"),
        ("/nowhere".to_owned(), "origin"),
        ("/.well-known/jwks.json".to_owned(), "origin"),
    ] {
        for request in [Request::get(&target), Request::get(&target).header("Origin", "https://evil.example")] {
            assert_eq!(vary(&node.send(&request).await), expected, "{target}");
        }
        assert_eq!(vary(&node.send(&Request::get(&target).header("Origin", APP)).await), expected, "{target}");
    }
    let answer = node.send(&preflight("/users", "POST").header("Origin", APP)).await;
    assert_eq!((answer.status, vary(&answer).as_str()), (204, "origin"));
    node.stop().await;
}

async fn without_the_setting_no_page_of_another_origin_is_answered(world: &World) {
    let id = world.register(&Person::new("ada@example.org")).await;
    for request in [Request::get(format!("/users/{id}")), Request::get("/users/me"), preflight("/users", "POST")] {
        let (plain, from_a_page) =
            (world.send(&request).await, world.send(&request.clone().header("Origin", APP)).await);
        assert_eq!((from_a_page.status, vary(&from_a_page)), (plain.status, vary(&plain)));
        assert!(!vary(&from_a_page).contains("origin") && cors_headers(&from_a_page).is_empty(), "{from_a_page:?}");
        assert!(plain.status != 204, "{plain:?}");
    }
}
