use crate::server::{LONG, SHORT, Server, lenient};
use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use kernel::DomainError;
use web::{EdgeSettings, Fields, NoQuery, PathId, Problem, Query, parse_id};

struct Email;

#[derive(Debug, thiserror::Error)]
#[error("must have an @")]
struct NoAt;

impl DomainError for NoAt {
    fn code(&self) -> &'static str {
        "email_invalid"
    }
}

impl Email {
    fn parse(text: &str) -> Result<Self, NoAt> {
        if text.contains('@') { Ok(Self) } else { Err(NoAt) }
    }
}

/// A text in every bad input below, which must not occur in a response.
const CANARY: &str = "canary7";

async fn sign_up(mut fields: Fields) -> Result<StatusCode, Problem> {
    let email = fields.required("email", Email::parse);
    let password = fields.secret("password");
    fields.optional("backup", Email::parse);
    fields.optional("id", parse_id);
    if password.as_ref().is_some_and(|password| password.expose().len() < 8) {
        fields.refuse("password", "password_too_short", "must be longer");
    }
    fields.finish(email.zip(password)).map(|_| StatusCode::NO_CONTENT)
}

#[derive(Debug, thiserror::Error)]
#[error("must be a number from 1 to 100")]
struct BadLimit;

impl kernel::DomainError for BadLimit {
    fn code(&self) -> &'static str {
        "limit_invalid"
    }
}

async fn list(mut query: Query) -> Result<String, Problem> {
    let limit = query.optional("limit", |text| text.parse::<u8>().map_err(|_| BadLimit));
    let name = query.optional("name", |text| Ok::<_, BadLimit>(text.to_owned()));
    query.finish(Some(()))?;
    Ok(format!("{limit:?} {name:?}"))
}

async fn maybe(fields: Option<Fields>) -> Result<&'static str, Problem> {
    let Some(mut fields) = fields else { return Ok("none") };
    let name = fields.required("name", |text| Ok::<_, BadLimit>(text.to_owned()));
    fields.finish(name).map(|_| "some")
}

fn app() -> Router {
    Router::new()
        .route("/maybe", post(maybe))
        .route("/users", post(sign_up).get(list))
        .route("/users/{id}", get(async |PathId(id): PathId, _: NoQuery| id.to_string()))
}

fn post_with(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST /users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn json(body: &[u8]) -> Vec<u8> {
    post_with("Content-Type: application/json\r\n", body)
}

#[tokio::test]
async fn a_body_that_may_be_left_out_may_also_be_announced_and_empty() {
    let server = Server::start(app()).await;
    let (json, text) = ("Content-Type: application/json\r\n", "Content-Type: text/plain\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (head, body, expected) in [
        (String::new(), "", "none"),
        ("Content-Length: 0\r\n".into(), "", "none"),
        (chunked.into(), "0\r\n\r\n", "none"),
        (format!("{chunked}{json}"), "0\r\n\r\n", "none"),
        (format!("{chunked}{json}"), "c\r\n{\"name\":\"a\"}\r\n0\r\n\r\n", "some"),
        (format!("{chunked}{text}"), "2\r\n{}\r\n0\r\n\r\n", "content_type_unsupported"),
        ("Content-Length: 2\r\n".into(), "{}", "content_type_unsupported"),
        (format!("{json}Content-Length: 1\r\n"), " ", "json_malformed"),
        (format!("{json}Content-Length: 2\r\n"), "{}", "invalid_request"),
    ] {
        let request = format!("POST /maybe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n{body}");
        let answer = server.ask(&request).await;
        let got = if answer.status() == 200 { answer.body.clone() } else { answer.problem() };
        assert_eq!(got, expected, "{request}");
    }
}

#[tokio::test]
async fn a_good_body_is_read() {
    let server = Server::start(app()).await;
    for head in [
        "Content-Type: application/json\r\n",
        "content-type: Application/JSON; charset=UTF-8\r\n",
        "Content-Type: application/json;charset=\"utf-8\"\r\nContent-Encoding: identity\r\n",
    ] {
        for body in [
            r#"{"email": "ada@example.org", "password": "correct horse"}"#,
            r#" {"email": "ada@example.org", "password": "correct\u0020horse", "backup": null, "id": "01890a5d-ac96-774b-bcce-b302099a8057"} "#,
        ] {
            assert_eq!(server.ask(post_with(head, body.as_bytes())).await.status(), 204, "{head} {body}");
        }
    }
}

/// A body and its expected response: the status, the code, and each violation's pointer and code.
type Row<'a> = (&'a [u8], u16, &'a str, &'a [(&'a str, &'a str)]);

#[tokio::test]
async fn a_bad_body_is_refused_with_every_violation_and_without_an_echo() {
    let server = Server::start(app()).await;
    let deep = format!("{{\"{CANARY}\":{}", "[".repeat(100_000 / 2));
    let deeper = format!("{}{}", "[".repeat(60_000), CANARY);
    let objects = r#"{"a":"#.repeat(10_000);
    let table: &[Row<'_>] = &[
        (b"", 400, "json_malformed", &[]),
        (br#"{"email": "canary7"#, 400, "json_malformed", &[]),
        (br#"{"email": "canary7"} canary7"#, 400, "json_malformed", &[]),
        (br#"{"email": canary7}"#, 400, "json_malformed", &[]),
        (br#"{"email": NaN, "x": "canary7"}"#, 400, "json_malformed", &[]),
        (br#"{"canary7": 1e999}"#, 400, "json_malformed", &[]),
        (br#"{"email": "canary7\ud800"}"#, 400, "json_malformed", &[]),
        (br#"{"canary7\udfff": 1}"#, 400, "json_malformed", &[]),
        (b"{\"email\": \"canary7\xff\"}", 400, "json_malformed", &[]),
        (b"\xff", 400, "json_malformed", &[]),
        (b"\xef\xbb\xbf{\"email\": \"canary7\"}", 400, "json_malformed", &[]),
        (b"{\"email\": \"canary7\x00\"}", 400, "json_malformed", &[]),
        (br#"{'email': 'canary7'}"#, 400, "json_malformed", &[]),
        (br#"{"email": "canary7",}"#, 400, "json_malformed", &[]),
        (br#"{"canary7": 1, "canary7": 2}"#, 400, "json_duplicate_field", &[]),
        (br#"{"email": "canary7", "\u0065mail": "canary7"}"#, 400, "json_duplicate_field", &[]),
        (br#"{"canary7": [{"canary7": 1, "canary7": 2}]}"#, 400, "json_duplicate_field", &[]),
        (deep.as_bytes(), 400, "json_too_deep", &[]),
        (deeper.as_bytes(), 400, "json_too_deep", &[]),
        (objects.as_bytes(), 400, "json_too_deep", &[]),
        (br#""canary7""#, 422, "invalid_request", &[("", "wrong_type")]),
        (br#"["canary7"]"#, 422, "invalid_request", &[("", "wrong_type")]),
        (b"null", 422, "invalid_request", &[("", "wrong_type")]),
        (b"{}", 422, "invalid_request", &[("/email", "required"), ("/password", "required")]),
        (
            br#"{"email": null, "password": null}"#,
            422,
            "invalid_request",
            &[("/email", "required"), ("/password", "required")],
        ),
        (
            br#"{"email": 7, "password": ["canary7"], "backup": true, "id": {"canary7": 1}}"#,
            422,
            "invalid_request",
            &[("/email", "wrong_type"), ("/password", "wrong_type"), ("/backup", "wrong_type"), ("/id", "wrong_type")],
        ),
        (
            br#"{"email": "ada\u0000@canary7.org", "password": "canary7\u0000canary7"}"#,
            422,
            "invalid_request",
            &[("/email", "nul_character"), ("/password", "nul_character")],
        ),
        (
            br#"{"email": "canary7", "password": "canary7", "backup": "canary7", "id": "{01890a5d-ac96-774b-bcce-b302099a8057}", "canary7": 1, "canary7b": 2}"#,
            422,
            "invalid_request",
            &[
                ("/email", "email_invalid"),
                ("/backup", "email_invalid"),
                ("/id", "id_invalid"),
                ("/password", "password_too_short"),
                ("", "unknown_field"),
            ],
        ),
    ];
    for (body, status, code, pointers) in table {
        let answer = server.ask(json(body)).await;
        let seen = String::from_utf8_lossy(&body[..body.len().min(80)]);
        assert_eq!((answer.status(), answer.problem().as_str()), (*status, *code), "{seen}");
        let found = answer.pointers();
        let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
        assert_eq!(&found, pointers, "{seen}");
        assert!(!format!("{answer:?}").contains(CANARY), "{seen}: {answer:?}");
    }
}

#[tokio::test]
async fn the_error_of_an_unknown_field_lists_the_known_fields() {
    let server = Server::start(app()).await;
    let body = br#"{"email": "ada@example.org", "password": "correct horse", "admin": true}"#;
    let message = server.ask(json(body)).await.json()["errors"][0]["message"].clone();
    assert_eq!(message, "only these fields are allowed: email, password, backup, id");
}

#[tokio::test]
async fn a_json_error_names_its_line_and_column() {
    let server = Server::start(app()).await;
    let detail = |body: &'static [u8]| async { server.ask(json(body)).await.json()["detail"].clone() };
    assert_eq!(detail(b"{\n  \"email\": x}").await, "Syntax error at line 2, column 12.");
    assert_eq!(detail(b"{\"a\": 1,\n\"a\": 2}").await, "Duplicate field at line 2, column 3.");
}

#[tokio::test]
async fn only_plain_json_is_read() {
    let server = Server::start(app()).await;
    let body = br#"{"email": "ada@example.org", "password": "correct horse"}"#;
    for (head, code) in [
        ("", "content_type_unsupported"),
        ("Content-Type: text/plain\r\n", "content_type_unsupported"),
        ("Content-Type: application/x-www-form-urlencoded\r\n", "content_type_unsupported"),
        ("Content-Type: application/json; charset=latin1\r\n", "content_type_unsupported"),
        ("Content-Type: application/json; canary7=1\r\n", "content_type_unsupported"),
        ("Content-Type: application/json, text/plain\r\n", "content_type_unsupported"),
        ("Content-Type: application/json\r\nContent-Type: text/plain\r\n", "content_type_unsupported"),
        ("Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "content_encoding_unsupported"),
    ] {
        let answer = server.ask(post_with(head, body)).await;
        assert_eq!((answer.status(), answer.problem().as_str()), (415, code), "{head}");
        assert!(!format!("{answer:?}").contains(CANARY), "{head}");
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_and_the_refusal_arrives() {
    let server = Server::start(app()).await;
    let body = |length: usize| {
        let start = r#"{"email": "ada@example.org", "password": ""#;
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2)).into_bytes()
    };
    assert_eq!(server.ask(json(&body(64 * 1024))).await.status(), 204);
    for length in [64 * 1024 + 1, 70_000, 900_000] {
        let answer = server.ask(json(&body(length))).await;
        assert_eq!((answer.status(), answer.problem().as_str()), (413, "body_too_large"), "{length}");
    }
    let chunks = "1000\r\n".to_owned() + &"x".repeat(0x1000) + "\r\n";
    let chunked =
        "POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = server.ask(format!("{chunked}{}0\r\n\r\n", chunks.repeat(17))).await;
    assert_eq!((answer.status(), answer.problem().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_client_that_asks_first_need_not_send_a_body_that_is_refused() {
    let server = Server::with(app(), EdgeSettings { body_within: LONG, ..EdgeSettings::default() }, lenient()).await;
    let head = "POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n";
    let answer = server.ask(format!("{head}Content-Length: 70000\r\n\r\n")).await;
    assert_eq!((answer.status(), answer.problem().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_given_up() {
    let settings = EdgeSettings { body_within: SHORT, ..EdgeSettings::default() };
    let server = Server::with(app(), settings, lenient()).await;
    let head = "POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{";
    let begun = std::time::Instant::now();
    let answer = server.ask(head).await;
    assert_eq!((answer.status(), answer.problem().as_str()), (408, "body_too_slow"));
    assert!(begun.elapsed() < EdgeSettings::default().body_within, "the edge uses the setting, not the default");
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_body_that_is_framed_wrongly_is_refused() {
    let server = Server::start(app()).await;
    let head =
        "POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = server.ask(format!("{head}zz\r\n{{}}\r\n0\r\n\r\n")).await;
    assert_eq!((answer.status(), answer.problem().as_str()), (400, "body_incomplete"));
}

#[tokio::test]
async fn a_query_is_read_strictly() {
    let server = Server::start(app()).await;
    assert_eq!(server.get("/users?limit=7&name=Zo%C3%AB+K").await.body, r#"Some(7) Some("Zoë K")"#);
    assert_eq!(server.get("/users?").await.body, "None None");
    for (target, status, code, pointers) in [
        ("/users?limit=-1", 422, "invalid_request", &[("?limit", "limit_invalid")][..]),
        ("/users?limit=", 422, "invalid_request", &[("?limit", "limit_invalid")]),
        (
            "/users?limit=canary7&name=%00",
            422,
            "invalid_request",
            &[("?limit", "limit_invalid"), ("?name", "nul_character")],
        ),
        ("/users?canary7=1", 400, "unknown_parameter", &[]),
        ("/users?canary7", 400, "unknown_parameter", &[]),
        ("/users?limit=1&limit=1", 400, "duplicate_parameter", &[]),
        ("/users?limit=1&l%69mit=2", 400, "duplicate_parameter", &[]),
        ("/users?name=canary7%", 400, "query_malformed", &[]),
        ("/users?name=canary7%4", 400, "query_malformed", &[]),
        ("/users?name=canary7%+1", 400, "query_malformed", &[]),
        ("/users?name=canary7%ff", 400, "query_malformed", &[]),
        ("/users/01890a5d-ac96-774b-bcce-b302099a8057?canary7=1", 400, "unknown_parameter", &[]),
    ] {
        let answer = server.get(target).await;
        assert_eq!((answer.status(), answer.problem().as_str()), (status, code), "{target}");
        let found = answer.pointers();
        let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
        assert_eq!(found, pointers, "{target}");
        assert!(!format!("{answer:?}").contains(CANARY), "{target}");
    }
}

#[tokio::test]
async fn an_invalid_id_in_a_path_is_not_found() {
    let server = Server::start(app()).await;
    let good = "/users/01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(server.get(good).await.body, good[7..]);
    for hostile in [
        "/users/canary7",
        "/users/01890a5dac96774bbcceb302099a8057",
        "/users/%7B01890a5d-ac96-774b-bcce-b302099a8057%7D",
        "/users/urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
        "/users/01890a5d-ac96-774b-bcce-b302099a805%37%37",
        "/users/01890a5d-ac96-774b-bcce-b302099a805%2537",
        "/users/01890a5d-ac96-774b-bcce-b302099a8057%00",
        "/users/%00",
        "/users/%ff",
        "/users/..%2f..%2fetc%2fpasswd",
        "/users/../canary7",
        "/users/' or 1=1--canary7",
        "/users/%27%20or%201%3D1--canary7",
        "/users/",
        "/users/01890a5d-ac96-774b-bcce-b302099a8057/",
    ] {
        let answer = server.get(hostile).await;
        if hostile.contains(' ') {
            assert_eq!(answer.status(), 400, "{hostile}: not a request line");
        } else {
            assert_eq!((answer.status(), answer.problem().as_str()), (404, "not_found"), "{hostile}");
        }
        assert!(!format!("{answer:?}").contains(CANARY), "{hostile}");
    }
}
