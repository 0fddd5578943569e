use crate::server::{LONG, Server};
use std::{future::pending, sync::Arc};
use use_case::async_trait;
use web::{
    docs,
    health::{self, Checks, Health, Readiness, Stopping},
};

async fn docs_server() -> Server {
    Server::start(docs::routes(&health::openapi()).unwrap()).await
}

#[tokio::test]
async fn the_page_and_all_it_loads_come_from_the_binary() {
    let server = docs_server().await;
    let redirect = server.get("/docs").await;
    assert_eq!((redirect.status(), redirect.header("location")), (308, Some("/docs/")));
    let page = server.get("/docs/").await;
    assert_eq!((page.status(), page.header("content-type")), (200, Some("text/html")));
    assert!(
        !page.body.contains("<script>") && !page.body.contains("//"),
        "nothing inline or from elsewhere: {}",
        page.body
    );
    let files: Vec<_> = ["src=\"", "href=\""].iter().flat_map(|key| page.body.split(key).skip(1)).collect();
    assert!(files.len() >= 6, "{}", page.body);
    for file in files {
        let name = file.split('"').next().unwrap().trim_start_matches("./");
        assert_eq!(server.get(&format!("/docs/{name}")).await.status(), 200, "{name}");
    }
    let initializer = server.get("/docs/swagger-initializer.js").await;
    assert!(
        initializer.body.contains("\"../openapi.json\"") && !initializer.body.contains("//petstore"),
        "{}",
        initializer.body
    );
    assert!(initializer.body.contains("validatorUrl: \"none\""), "{}", initializer.body);
}

#[tokio::test]
async fn the_page_may_run_its_own_scripts_and_no_others() {
    let server = docs_server().await;
    let page = server.get("/docs/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains("sandbox"), "{policy}");
    let head = format!("Host: x\r\nConnection: close\r\nIf-None-Match: {}\r\n\r\n", page.header("etag").unwrap());
    let again = server.ask(format!("GET /docs/ HTTP/1.1\r\n{head}")).await;
    assert_eq!(
        (again.status(), again.header("content-security-policy")),
        (304, Some(policy)),
        "it replaces the cached one"
    );
}

#[tokio::test]
async fn no_other_file_is_served() {
    let server = docs_server().await;
    for name in ["oauth2-redirect.html", "swagger-ui.js", "..%2fopenapi.json", "%ff", "x/y"] {
        let answer = server.get(&format!("/docs/{name}")).await;
        assert!(matches!(answer.status(), 400 | 404), "{name}: {answer:?}");
        answer.problem();
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_can_be_revalidated() {
    let server = docs_server().await;
    let answer = server.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let tag = answer.header("etag").unwrap();
    let head = format!("GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: {tag}\r\n\r\n");
    let again = server.ask(head).await;
    assert_eq!((again.status(), again.body.as_str(), again.header("etag")), (304, "", Some(tag)));
    assert_eq!(server.get("/openapi.json?x=1").await.problem(), "unknown_parameter");
}

#[test]
fn the_schema_of_a_problem_has_a_valid_example() {
    let document = serde_json::to_value(health::openapi()).unwrap();
    let problem = &document["components"]["schemas"]["Problem"];
    let properties: Vec<_> = problem["properties"].as_object().unwrap().keys().collect();
    assert_eq!(properties, ["code", "detail", "errors", "instance", "status", "title", "trace_id", "type"]);
    let required: Vec<_> = problem["required"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(required, ["type", "title", "status", "instance", "code", "trace_id"]);
    let example = problem["example"].as_object().unwrap();
    assert!(required.iter().all(|name| example.contains_key(*name)) && example["errors"][0]["pointer"] == "/email");
    assert!(document["components"]["schemas"]["Violation"].is_object(), "{document}");
    let ready = &document["paths"]["/health/ready"]["get"]["responses"];
    assert!(ready["200"].is_object() && ready["503"].is_object() && ready["default"].is_object(), "{ready}");
}

struct FixedReadiness(Checks);

#[async_trait]
impl Readiness for FixedReadiness {
    async fn check(&self) -> Checks {
        self.0
    }
}

struct Hanging;

#[async_trait]
impl Readiness for Hanging {
    async fn check(&self) -> Checks {
        pending().await
    }
}

#[tokio::test]
async fn an_instance_is_ready_when_its_database_is() {
    use Health::{Degraded, Down, Ok};
    for (database, migrations, broker, keys, status, overall) in [
        (Ok, Ok, Ok, Ok, 200, "ok"),
        (Ok, Ok, Down, Ok, 200, "degraded"),
        (Ok, Ok, Degraded, Ok, 200, "degraded"),
        (Degraded, Ok, Ok, Ok, 200, "degraded"),
        (Down, Ok, Ok, Ok, 503, "down"),
        (Ok, Down, Ok, Ok, 503, "down"),
        (Ok, Ok, Ok, Degraded, 200, "degraded"),
        (Ok, Ok, Ok, Down, 503, "down"),
    ] {
        let checks = Checks { database, migrations, broker, keys };
        let server = Server::start(health::routes(Arc::new(FixedReadiness(checks)), Stopping::default())).await;
        let answer = server.get("/health/ready").await;
        assert_eq!((answer.status(), answer.header("content-type")), (status, Some("application/json")), "{checks:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let report = answer.json();
        assert_eq!(report["status"], overall, "{checks:?}");
        assert_eq!(report["checks"], serde_json::to_value(checks).unwrap());
        assert_eq!(server.get("/health/live").await.json()["status"], "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_readiness_check_that_times_out_is_not_ready() {
    use tower::Service as _;
    let request = axum::extract::Request::get("/health/ready").body(axum::body::Body::empty()).unwrap();
    let answer = health::routes(Arc::new(Hanging), Stopping::default()).call(request);
    let answer = tokio::time::timeout(LONG, answer).await.expect("the checks time out").unwrap();
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn a_stopping_process_is_live_but_not_ready() {
    let checks = Checks { database: Health::Ok, migrations: Health::Ok, broker: Health::Ok, keys: Health::Ok };
    let stopping = Stopping::default();
    let server = Server::start(health::routes(Arc::new(FixedReadiness(checks)), stopping.clone())).await;
    let ready = server.get("/health/ready").await;
    assert_eq!((ready.status(), &ready.json()["stopping"]), (200, &false.into()));
    stopping.begin();
    let ready = server.get("/health/ready").await;
    let report = ready.json();
    assert_eq!((ready.status(), &report["status"], &report["stopping"]), (503, &"down".into(), &true.into()));
    assert_eq!(report["checks"]["database"], "ok", "stopping does not change the checks");
    assert_eq!(server.get("/health/live").await.status(), 200);
}
