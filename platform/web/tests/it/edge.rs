use crate::server::{Answer, LONG, SHORT, Server, lenient};
use axum::{
    Extension, Router,
    http::{StatusCode, header},
    routing::{get, post},
};
use std::{
    future::pending,
    io,
    sync::{Arc, Mutex},
};
use web::{ClientAddress, CorsOrigins, Deadline, EdgeSettings, Peer, Problem, Trace, Violation};

fn app() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/things/{id}", get(async || "a thing"))
        .route("/typed", post(async |_: axum::extract::Path<u8>| ""))
        .route("/text", get(async || (StatusCode::BAD_GATEWAY, framed(), "canary7")))
        .route("/panic", get(async || -> &'static str { panic!("canary7") }))
        .route("/never", get(pending::<&'static str>))
        .route("/own", get(async || ([(header::CACHE_CONTROL, "no-cache"), (header::SERVER, "canary7")], "mine")))
        .route("/trace", get(async |Extension(trace): Extension<Trace>| trace.traceparent().to_owned()))
        .route("/peer", get(async |Extension(Peer(peer)): Extension<Peer>| peer.ip().to_string()))
        .route("/client", get(async |Extension(client): Extension<ClientAddress>| client.ip().to_string()))
        .route("/problem", get(problem))
}

/// Headers of a body that the edge replaces.
fn framed() -> [(header::HeaderName, &'static str); 2] {
    [(header::CONTENT_LENGTH, "7"), (header::CONTENT_ENCODING, "gzip")]
}

async fn problem() -> Problem {
    Problem::new(StatusCode::CONFLICT, "id_taken", "That id is taken")
        .detail("Choose another.")
        .violations(vec![Violation::new("/id", "id_taken", "is taken")])
        .retry_after(std::time::Duration::from_micros(1_000_001))
}

#[tokio::test]
async fn a_problem_is_serialised_as_rfc_9457_requires() {
    let answer = Server::start(app()).await.get("/problem").await;
    assert_eq!((answer.status(), answer.problem().as_str()), (409, "id_taken"));
    let body = answer.json();
    assert_eq!((body["title"].as_str(), body["detail"].as_str()), (Some("That id is taken"), Some("Choose another.")));
    assert_eq!(body["errors"], serde_json::json!([{"pointer": "/id", "code": "id_taken", "message": "is taken"}]));
    assert_eq!(answer.header("retry-after"), Some("2"), "rounded up");
}

#[tokio::test]
async fn every_error_of_the_framework_becomes_a_problem() {
    let server = Server::start(app()).await;
    for (target, status, code) in [
        ("/nowhere/canary7", 404, "not_found"),
        ("/text", 502, "internal"),
        ("/panic", 500, "internal"),
        (&format!("/{}", "x".repeat(8_000)), 414, "uri_too_long"),
    ] {
        let answer = server.get(target).await;
        assert_eq!((answer.status(), answer.problem().as_str()), (status, code));
        assert!(answer.header("content-encoding").is_none());
        assert!(!format!("{answer:?}").contains("canary7"), "{answer:?}");
    }
    let extractor =
        server.ask("POST /typed HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!((extractor.status(), extractor.problem().as_str()), (500, "internal"));
}

#[tokio::test]
async fn a_405_lists_the_allowed_methods() {
    let server = Server::start(app()).await;
    for method in ["DELETE", "TRACE", "CANARY"] {
        let answer = server.ask(format!("{method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert_eq!((answer.status(), answer.problem().as_str()), (405, "method_not_allowed"), "{method}");
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{method}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = Server::start(app()).await;
    let head =
        async |target| server.ask(format!("HEAD {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    let (found, missing) = (head("/").await, head("/nowhere").await);
    assert_eq!((found.status(), found.header("content-length"), found.body.as_str()), (200, Some("5"), ""));
    assert_eq!((missing.status(), missing.body.as_str()), (404, ""));
    let get = server.get("/nowhere").await;
    assert_eq!(missing.header("content-length"), Some(get.body.len().to_string().as_str()));
    assert_eq!(missing.header("content-type"), Some("application/problem+json"));
}

fn is_hardened(answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    assert!(answer.header("server").is_none(), "{answer:?}");
    assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 36), "{answer:?}");
}

#[tokio::test]
async fn every_answer_has_the_headers_of_the_edge() {
    let server = Server::start(app()).await;
    for target in ["/", "/nowhere", "/panic", "/text", "/problem"] {
        let answer = server.get(target).await;
        is_hardened(&answer);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
        assert!(answer.header("strict-transport-security").is_none(), "only under TLS");
    }
    let own = server.get("/own").await;
    is_hardened(&own);
    assert_eq!(own.header("cache-control"), Some("no-cache"));
    is_hardened(&server.ask("GET / HTTP/1.1\r\n\r\n").await);
    let hsts = Server::with(app(), EdgeSettings { hsts: true, ..EdgeSettings::default() }, lenient()).await;
    assert!(
        hsts.get("/").await.header("strict-transport-security").is_some_and(|it| it.starts_with("max-age=63072000"))
    );
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_not_the_connection() {
    let server = Server::start(app()).await;
    let mut client = server.connect().await;
    client.send("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(client.answer().await.problem(), "internal");
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(client.answer().await.status(), 200);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let settings = EdgeSettings { answer_within: SHORT, ..EdgeSettings::default() };
    let server = Server::with(app(), settings, lenient()).await;
    let answer = server.get("/never").await;
    assert_eq!((answer.status(), answer.problem().as_str()), (503, "timeout"));
}

#[tokio::test]
async fn a_handler_that_waits_on_purpose_can_extend_its_deadline() {
    let waits = async |Extension(deadline): Extension<Deadline>| {
        deadline.extend(LONG);
        tokio::time::sleep(SHORT * 4).await;
        "waited"
    };
    let settings = EdgeSettings { answer_within: SHORT, ..EdgeSettings::default() };
    let server = Server::with(Router::new().route("/", get(waits)), settings, lenient()).await;
    assert_eq!(server.get("/").await.body, "waited");
}

#[tokio::test]
async fn a_request_must_have_one_valid_host() {
    let server = Server::start(app()).await;
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
    ] {
        let answer = server.ask(request).await;
        assert_eq!((answer.status(), answer.problem().as_str()), (400, "host_invalid"), "{request}");
        assert_eq!(answer.header("connection"), Some("close"), "{request}");
    }
    for request in [
        "GET / HTTP/1.1\r\nHost: example.org:8000\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
    ] {
        assert_eq!(server.ask(request).await.status(), 200, "{request}");
    }
}

#[tokio::test]
async fn a_handler_knows_its_trace_and_its_peer() {
    let server = Server::start(app()).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let ask = async |target, given: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\ntraceparent: {given}\r\n\r\n");
        server.ask(head).await
    };
    let given = format!("00-{trace}-00f067aa0ba902b7-01");
    let handed_on = ask("/trace", &given).await.body;
    assert!(handed_on.starts_with(&format!("00-{trace}-")) && handed_on != given, "{handed_on}");
    assert_eq!(ask("/problem", &given).await.json()["trace_id"], trace);
    assert_ne!(ask("/problem", "00-canary7").await.json()["trace_id"], trace);
    assert_eq!(server.get("/peer").await.body, "127.0.0.1");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_leaves_one_log_line_without_text_of_the_client() {
    let log = Log::default();
    let writer = log.clone();
    // Set the subscriber for the whole process, because the first thread that reaches a log line decides for all
    // threads whether it is written.
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).expect("no other test sets a subscriber");
    tracing::callsite::rebuild_interest_cache();
    let server = Server::start(app()).await;
    let trace = "7bf92f3577b34da6a3ce929d0e0e4737";
    let head = format!(
        "Host: canary7\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\nAuthorization: Bearer canary7\r\n\
         Cookie: canary7\r\nConnection: close\r\n\r\n"
    );
    let missed = format!("/not-there/%0a\"{}", "x".repeat(1_000));
    let lines = ["GET /things/canary7?secret=canary7", &format!("GET {missed}?canary7"), "GET /panic", "CANARY7 /"];
    for line in lines {
        server.ask(format!("{line} HTTP/1.1\r\n{head}")).await;
    }
    let own = server.get("/problem").await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.to_lowercase().contains("canary7"), "{text}");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_access = |line: &&serde_json::Value| line["target"] == "web::access" && line["fields"]["trace_id"] == trace;
    let access: Vec<_> = lines.iter().filter(is_access).map(|line| &line["fields"]).collect();
    let seen: Vec<_> =
        access.iter().map(|it| (it["method"].as_str(), it["route"].as_str(), it["status"].as_u64())).collect();
    assert_eq!(
        seen,
        [
            (Some("GET"), Some("/things/{id}"), Some(200)),
            (Some("GET"), Some("none"), Some(404)),
            (Some("GET"), Some("/panic"), Some(500)),
            (Some("other"), Some("/"), Some(405)),
        ]
    );
    assert!(access.iter().all(|it| it["request_id"].is_string()));
    let paths: Vec<_> = access.iter().filter_map(|it| it["path"].as_str()).collect();
    assert_eq!(paths, [&format!("/not-there/%0a\\\"{}", "x".repeat(1_000))[..200]], "the escaped beginning");
    for line in &access {
        let (digits, duration) = (line["duration_ms"].to_string(), line["duration_ms"].as_f64());
        assert!(digits.split_once('.').is_none_or(|(_, rest)| rest.len() <= 3) && duration.is_some(), "{digits}");
    }
    let id = own.header("x-request-id").unwrap();
    let of_own: Vec<_> = text.lines().filter(|line| line.contains(&id[..8])).collect();
    let one = format!("\"request_id\":\"{id}\"");
    assert!(of_own.len() == 1 && of_own[0].matches(&id[..8]).count() == 1 && of_own[0].contains(&one), "{of_own:?}");
    let refused: Vec<_> = access.iter().map(|it| (it["code"].as_str(), it["client"].as_str())).collect();
    let here = Some("127.0.0.1");
    let method = (Some("method_not_allowed"), here);
    assert_eq!(refused, [(None, None), (Some("not_found"), here), (Some("internal"), here), method]);
    let errors: Vec<_> =
        lines.iter().filter(|line| line["level"] == "ERROR" && line["span"]["trace_id"] == trace).collect();
    assert_eq!(errors.len(), 1, "a failure is logged once: {errors:?}");
}

/// ASVS 4.1.3, 15.3.4.
#[tokio::test]
async fn a_client_cannot_choose_its_address() {
    let ask = async |server: &Server, head: &str| {
        server.ask(format!("GET /client HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n")).await.body
    };
    let forged = "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n";
    let open = Server::start(app()).await;
    assert_eq!(ask(&open, forged).await, "127.0.0.1");
    let proxies = "127.0.0.0/8, 10.0.0.0/8".parse().unwrap();
    let behind = Server::with(app(), EdgeSettings { proxies, ..EdgeSettings::default() }, lenient()).await;
    assert_eq!(ask(&behind, "").await, "127.0.0.1");
    assert_eq!(ask(&behind, "Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n").await, "127.0.0.1");
    assert_eq!(ask(&behind, &format!("{forged}X-Forwarded-For: 198.51.100.7, 10.0.0.1\r\n")).await, "198.51.100.7");
}

#[tokio::test]
async fn paths_in_headers_get_the_path_of_the_proxy_and_other_urls_do_not() {
    let places = ["/x", "https://example.org/x", "//example.org/x", "x"];
    let mut router = axum::Router::new();
    for (n, place) in places.into_iter().enumerate() {
        let headers = [("location", place.to_owned()), ("link", format!("<{place}>; rel=\"next\""))];
        router = router.route(&format!("/{n}"), axum::routing::get(async || headers));
    }
    let settings = EdgeSettings { base_path: "/accounts".to_owned(), ..EdgeSettings::default() };
    let server = Server::with(router, settings, lenient()).await;
    for (n, expected) in ["/accounts/x", "https://example.org/x", "//example.org/x", "x"].into_iter().enumerate() {
        let answer = server.get(&format!("/{n}")).await;
        assert_eq!(answer.header("location"), Some(expected));
        assert_eq!(answer.header("link"), Some(format!("<{expected}>; rel=\"next\"").as_str()));
    }
    assert_eq!(server.get("/missing").await.json()["type"], "/accounts/problems/not_found");
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_can_read_every_error() {
    let cors: CorsOrigins = "https://app.example.org".parse().unwrap();
    let settings = EdgeSettings { answer_within: SHORT, cors, ..EdgeSettings::default() };
    let server = Server::with(app(), settings, lenient()).await;
    for (target, host, status) in
        [("/problem", "x", 409), ("/panic", "x", 500), ("/never", "x", 503), ("/", "two hosts", 400)]
    {
        let ask = async |origin: &str| {
            let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n");
            server.ask(format!("{head}Connection: close\r\n\r\n")).await
        };
        let (read, foreign) = (ask("https://app.example.org").await, ask("https://app.example.com").await);
        assert_eq!((read.status(), foreign.status()), (status, status));
        assert_eq!(read.header("access-control-allow-origin"), Some("https://app.example.org"), "{target}");
        assert!(read.header("access-control-expose-headers").is_some_and(|it| it.contains("retry-after")), "{read:?}");
        assert_eq!(foreign.header("access-control-allow-origin"), None, "{target}");
        assert_eq!((read.header("vary"), foreign.header("vary")), (Some("Origin"), Some("Origin")));
    }
}
