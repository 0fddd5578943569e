//! Malformed input: the answer is a problem with a stable code and a pointer, shows nothing of the input, and leaves no
//! trace in the database.

use acceptance::{Answer, Request, World, in_one_world};
use serde_json::json;

in_one_world! {
    a_body_that_is_not_usable_json_is_refused,
    every_violation_of_a_body_is_reported_with_its_pointer,
    a_body_of_another_type_is_refused,
    an_unknown_query_parameter_is_refused,
    an_unknown_path_is_not_found,
    headers_that_are_wrong_or_odd_do_no_harm,
}

/// Part of every bad input. No answer may contain it.
const CANARY: &str = "Kanarienvogel";
const JSON: &str = "application/json";

fn post(body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", "/users").body(JSON, body)
}

/// The expected problem: status, code, violations.
struct Expected(u16, &'static str, &'static [(&'static str, &'static str)]);

async fn is_refused(world: &World, what: &str, request: &Request, Expected(status, code, violations): &Expected) {
    let answer = world.send(request).await;
    assert_eq!((answer.status, answer.problem().as_str()), (*status, *code), "{what}: {answer:?}");
    let found = answer.violations();
    let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
    assert_eq!(found, *violations, "{what}: {answer:?}");
    reveals_nothing(what, &answer);
}

fn reveals_nothing(what: &str, answer: &Answer) {
    let text = format!("{} {}", answer.head, answer.body).to_lowercase();
    for word in [CANARY, "serde", "sqlx", "postgres", "sqlite", "axum", "expected", "panicked", "src/"] {
        assert!(!text.contains(&word.to_lowercase()), "{what}: {word:?} in {answer:?}");
    }
}

/// Checks that nothing was written.
async fn left_no_trace(world: &World) {
    for table in [
        "select count(*) from ledger_messages",
        "select count(*) from users_users",
        "select count(*) from auth_accounts",
        "select count(*) from auth_sessions",
        "select count(*) from auth_audit_events",
        "select count(*) from auth_credentials",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

async fn a_body_that_is_not_usable_json_is_refused(world: &World) {
    let malformed = Expected(400, "json_malformed", &[]);
    let too_deep = Expected(400, "json_too_deep", &[]);
    let duplicate = Expected(400, "json_duplicate_field", &[]);
    let with = |text: &str| text.replace('~', CANARY).into_bytes();
    let raw = |bytes: &[u8]| [br#"{"email": "Kanarienvogel@example.org", "password": ""#, bytes, br#""}"#].concat();
    let deep = |open: &str, close: &str| [open.repeat(100_000), close.repeat(100_000)].concat();
    let table = [
        ("nothing", Vec::new(), &malformed),
        ("white space", b" \r\n\t ".to_vec(), &malformed),
        ("a word", with("~"), &malformed),
        ("cut short", with(r#"{"email": "~@example.org", "passw"#), &malformed),
        ("something behind it", with(r#"{"email": "~@example.org"} ~"#), &malformed),
        ("a comma at the end", with(r#"{"email": "~@example.org",}"#), &malformed),
        ("single quotes", with("{'email': '~@example.org'}"), &malformed),
        ("a comment", with(r#"{/* ~ */ "email": "~@example.org"}"#), &malformed),
        ("NaN", with(r#"{"email": NaN, "password": "~"}"#), &malformed),
        ("a byte order mark", [b"\xef\xbb\xbf".to_vec(), with("{}")].concat(), &malformed),
        ("UTF-16", with("{}").into_iter().flat_map(|byte| [byte, 0]).collect(), &malformed),
        ("invalid UTF-8", raw(b"\xff\xfe"), &malformed),
        ("an overlong encoding", raw(b"\xc0\xaf"), &malformed),
        ("a surrogate in UTF-8", raw(b"\xed\xa0\x80"), &malformed),
        ("a high surrogate alone", raw(br"\ud83d"), &malformed),
        ("a low surrogate alone", raw(br"\udc00 Kanarienvogel"), &malformed),
        ("surrogates the wrong way round", raw(br"\udc00\ud83d"), &malformed),
        ("a raw line break in a text", raw(b"\n"), &malformed),
        ("a raw NUL in a text", raw(b"\0"), &malformed),
        ("an escape that is none", raw(br"\x41"), &malformed),
        ("a field twice", with(r#"{"email": "a@example.org", "email": "~@example.org"}"#), &duplicate),
        (
            "a field twice by an escape",
            with(r#"{"email": "a@example.org", "\u0065mail": "~@example.org"}"#),
            &duplicate,
        ),
        ("an unknown field twice", with(r#"{"~": 1, "~": 2}"#), &duplicate),
        ("a field twice further in", with(r#"{"email": {"~": 1, "~": 2}}"#), &duplicate),
        ("40 arrays deep", format!("{}1{}", "[".repeat(40), "]".repeat(40)).into_bytes(), &too_deep),
        ("40 objects deep", format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40)).into_bytes(), &too_deep),
        ("32,000 open brackets", "[".repeat(32_000).into_bytes(), &too_deep),
    ];
    let too_large = Expected(413, "body_too_large", &[]);
    for (what, body, expected) in &table {
        is_refused(world, what, &post(body.clone()), expected).await;
    }
    for body in [deep("[", "]"), deep(r#"{"a":"#, "}"), format!(r#"{{"email": "{}"}}"#, CANARY.repeat(70_000 / 13))] {
        is_refused(world, "over 64 KiB, 100,000 deep", &post(body), &too_large).await;
    }
    left_no_trace(world).await;
}

async fn every_violation_of_a_body_is_reported_with_its_pointer(world: &World) {
    let password = format!("drei blaue {CANARY} rollen");
    let email = format!("{CANARY}@example.org");
    let table = [
        ("no object", json!([CANARY]), &[("", "wrong_type")][..]),
        ("a text", json!(CANARY), &[("", "wrong_type")]),
        ("null", json!(null), &[("", "wrong_type")]),
        ("no fields", json!({}), &[("/email", "required"), ("/password", "required")]),
        ("null fields", json!({"email": null, "password": null}), &[("/email", "required"), ("/password", "required")]),
        (
            "wrong types",
            json!({"email": 7, "password": [CANARY], "name": {"a": CANARY}, "id": true}),
            &[("/email", "wrong_type"), ("/password", "wrong_type"), ("/name", "wrong_type"), ("/id", "wrong_type")],
        ),
        (
            "a password as a number",
            json!({"email": email, "password": 123_456_789_012_345_678_i64}),
            &[("/password", "wrong_type")],
        ),
        ("one more field", json!({"email": email, "password": password, "is_admin": true}), &[("", "unknown_field")]),
        (
            "a field in another case",
            json!({"Email": email, "password": password}),
            &[("/email", "required"), ("", "unknown_field")],
        ),
        ("a prototype", json!({"email": email, "password": password, "__proto__": {"a": 1}}), &[("", "unknown_field")]),
        (
            "NUL everywhere",
            json!({"email": format!("{CANARY}\0@example.org"), "password": format!("{password}\0"), "name": "\0", "id": "\0"}),
            &[
                ("/email", "nul_character"),
                ("/password", "nul_character"),
                ("/name", "nul_character"),
                ("/id", "nul_character"),
            ],
        ),
        (
            "everything at once",
            json!({"email": CANARY, "password": CANARY, "name": " ", "id": CANARY, CANARY: 1}),
            &[
                ("/email", "email_invalid"),
                ("/name", "name_empty"),
                ("/id", "id_invalid"),
                ("/password", "password_too_short"),
                ("", "unknown_field"),
            ],
        ),
        ("no domain", json!({"email": CANARY, "password": password}), &[("/email", "email_invalid")]),
        (
            "a header",
            json!({"email": format!("{CANARY}@example.org\r\nBcc: eve@example.org"), "password": password}),
            &[("/email", "email_invalid")],
        ),
        (
            "a Kelvin sign",
            json!({"email": format!("{CANARY}\u{212a}@example.org"), "password": password}),
            &[("/email", "email_invalid")],
        ),
        (
            "a long address",
            json!({"email": format!("{}@example.org", CANARY.repeat(6)), "password": password}),
            &[("/email", "email_too_long")],
        ),
        (
            "a long name",
            json!({"email": email, "password": password, "name": CANARY.repeat(16)}),
            &[("/name", "name_too_long")],
        ),
        (
            "an escape in a name",
            json!({"email": email, "password": password, "name": format!("\u{1b}[31m{CANARY}")}),
            &[("/name", "name_has_control")],
        ),
        (
            "an invisible name",
            json!({"email": email, "password": password, "name": "\u{200b}\u{3164}\u{feff}"}),
            &[("/name", "name_not_visible")],
        ),
        (
            "a name that turns around",
            json!({"email": email, "password": password, "name": format!("\u{202e}{CANARY}")}),
            &[("/name", "name_has_invisible")],
        ),
        (
            "a zero-width space in an address",
            json!({"email": format!("{CANARY}\u{200b}@example.org"), "password": password}),
            &[("/email", "email_invalid")],
        ),
        (
            "a common password over and over",
            json!({"email": email, "password": "letmeinletmein1!"}),
            &[("/password", "password_is_common")],
        ),
        (
            "an id in braces",
            json!({"email": email, "password": password, "id": "{b2d1a7c8-4f7e-4c1a-9a3e-0a1b2c3d4e5f}"}),
            &[("/id", "id_invalid")],
        ),
        (
            "an id of version 1",
            json!({"email": email, "password": password, "id": "c232ab00-9414-11ec-b3c8-9f6bdeced846"}),
            &[("/id", "id_invalid")],
        ),
        (
            "an unknown id",
            json!({"email": email, "password": password, "id": "00000000-0000-0000-0000-000000000000"}),
            &[("/id", "id_invalid")],
        ),
        ("an empty password", json!({"email": email, "password": ""}), &[("/password", "password_too_short")]),
        (
            "14 characters",
            json!({"email": email, "password": "vierzehn 14 ab"}),
            &[("/password", "password_too_short")],
        ),
        (
            "1,025 bytes",
            json!({"email": email, "password": format!("{}{}", "blaue Würfel rollen ".repeat(48), "x".repeat(64))}),
            &[("/password", "password_too_long")],
        ),
        (
            "a common password",
            json!({"email": email, "password": "!LoveRockAndRoll"}),
            &[("/password", "password_is_common")],
        ),
        (
            "the address",
            json!({"email": email, "password": format!("my {email}")}),
            &[("/password", "password_contains_email")],
        ),
        (
            "the name",
            json!({"email": "ada@example.org", "password": format!("{CANARY} Meier"), "name": format!("{CANARY} Meier")}),
            &[("/password", "password_contains_name")],
        ),
        (
            "a repetition",
            json!({"email": email, "password": "xyXYxyXYxyXYxyXY"}),
            &[("/password", "password_is_repetitive")],
        ),
        (
            "a sequence",
            json!({"email": email, "password": "abcdefghijklmnopqr"}),
            &[("/password", "password_is_sequential")],
        ),
    ];
    for (what, body, violations) in &table {
        is_refused(world, what, &post(body.to_string()), &Expected(422, "invalid_request", violations)).await;
    }
    left_no_trace(world).await;
}

async fn a_body_of_another_type_is_refused(world: &World) {
    let good = json!({"email": "ada@example.org", "password": "drei blaue Würfel rollen"}).to_string();
    let of = |kind: &str| Request::new("POST", "/users").body(kind, good.clone());
    let (unsupported, encoded) =
        (Expected(415, "content_type_unsupported", &[]), Expected(415, "content_encoding_unsupported", &[]));
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=Kanarienvogel",
        "application/xml",
        "application/json; charset=latin1",
        "application/json; Kanarienvogel=1",
        "application/json, text/plain",
        "application/jsonKanarienvogel",
        "application/merge-patch+json",
        "*/*",
    ] {
        is_refused(world, kind, &of(kind), &unsupported).await;
    }
    is_refused(world, "two types", &of(JSON).header("Content-Type", "text/plain"), &unsupported).await;
    for encoding in ["gzip", "br", "Kanarienvogel", "identity, gzip"] {
        is_refused(world, encoding, &of(JSON).header("Content-Encoding", encoding), &encoded).await;
    }
    left_no_trace(world).await;
    // Variants that are accepted work like the plain form.
    for kind in ["application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
        let answer = world.send(&of(kind)).await;
        assert_eq!(answer.status, 202, "{kind}: {answer:?}");
    }
}

async fn an_unknown_query_parameter_is_refused(world: &World) {
    let (unknown, twice, malformed) = (
        Expected(400, "unknown_parameter", &[]),
        Expected(400, "duplicate_parameter", &[]),
        Expected(400, "query_malformed", &[]),
    );
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let targets = [
        format!("/users/{id}"),
        format!("/commands/{id}"),
        "/health/live".into(),
        "/health/ready".into(),
        "/openapi.json".into(),
    ];
    for target in &targets {
        for (query, expected) in [
            ("Kanarienvogel=1", &unknown),
            ("Kanarienvogel", &unknown),
            ("limit=-1", &unknown),
            ("id=1", &unknown),
            ("Kanarienvogel=1&Kanarienvogel=2", &twice),
            ("Kanarienvogel=%", &malformed),
            ("Kanarienvogel=%ff", &malformed),
            ("%00=Kanarienvogel", &unknown),
        ] {
            is_refused(world, query, &Request::get(format!("{target}?{query}")), expected).await;
        }
    }
    let body = json!({"email": "ada@example.org", "password": "drei blaue Würfel rollen"}).to_string();
    let with = |query: &str| Request::new("POST", format!("/users?{query}")).body(JSON, body.clone());
    is_refused(world, "POST", &with("Kanarienvogel=1"), &unknown).await;
    is_refused(world, "POST", &with("email=eve@example.org"), &unknown).await;
    left_no_trace(world).await;
}

async fn an_unknown_path_is_not_found(world: &World) {
    let not_found = Expected(404, "not_found", &[]);
    for target in [
        "/Kanarienvogel",
        "/users/",
        "/USERS",
        "//users",
        "/users/Kanarienvogel",
        "/users/../users",
        "/users/%2e%2e/users",
        "/users%00",
        "/users/01890a5d-ac96-774b-bcce-b302099a8057/Kanarienvogel",
        "/commands",
        "/commands/",
        "/docs/Kanarienvogel",
        "/docs/..%2f..%2fetc%2fpasswd",
        "/.git/config",
        "/metrics",
        "/health",
    ] {
        is_refused(world, target, &Request::get(target), &not_found).await;
    }
    let long = Request::get(format!("/users/{}", CANARY.repeat(700)));
    is_refused(world, "a long target", &long, &Expected(414, "uri_too_long", &[])).await;
    left_no_trace(world).await;
}

async fn headers_that_are_wrong_or_odd_do_no_harm(world: &World) {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (name, value) in [
        ("traceparent", &b"00-Kanarienvogel"[..]),
        ("traceparent", b"\xff\xfe"),
        ("X-Request-Id", b"Kanarienvogel\" , \"level\":\"ERROR"),
        ("If-None-Match", b"\xffKanarienvogel"),
        ("Prefer", b"\xff\xfe=Kanarienvogel"),
        ("Accept", b"Kanarienvogel"),
        ("Cookie", b"Kanarienvogel=1"),
        ("Origin", b"https://Kanarienvogel.example"),
        ("X-Forwarded-For", b"Kanarienvogel"),
        ("X-HTTP-Method-Override", b"DELETE"),
    ] {
        let answer = world.send(&Request::get(format!("/users/{id}")).header(name, value)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not_found"), "{name}");
        reveals_nothing(name, &answer);
    }
    let forged = Request::get(format!("/users/{id}")).bearing("Kanarienvogel");
    is_refused(world, "a forged token", &forged, &Expected(401, "invalid_token", &[])).await;
    let two_hosts = Request::get(format!("/users/{id}")).header("Host", "Kanarienvogel.example");
    is_refused(world, "two hosts", &two_hosts, &Expected(400, "host_invalid", &[])).await;
    left_no_trace(world).await;
}
