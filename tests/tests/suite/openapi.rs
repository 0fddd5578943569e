//! The OpenAPI document. Whether answers match it is checked wherever the suite sends a request.

use acceptance::{Person, Request, World, in_one_world, resolve};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

in_one_world! {
    every_operation_is_described_with_all_that_it_may_answer,
    every_operation_has_a_name_texts_schemas_and_examples,
    generated_clients_get_one_plain_type_for_each_thing,
    the_example_of_a_registration_registers,
    the_documented_limits_of_a_registration_are_enforced,
    the_page_and_all_that_it_loads_come_from_the_binary,
}

/// Operations that change something and need no body.
const WITHOUT_A_BODY: [&str; 10] = [
    "POST /invitations/{id}/resend",
    "POST /mails/{id}/resend",
    "POST /users/{id}/email/verify",
    "POST /users/{id}/deactivate",
    "POST /users/{id}/reactivate",
    "POST /users/{id}/password-reset",
    "POST /jobs/{id}/cancel",
    "POST /auth/totp",
    "POST /auth/recovery-codes",
    "POST /auth/passkeys/options",
];

/// The deletions that need a reason, or the password.
const DELETIONS_WITH_A_BODY: [&str; 2] = ["DELETE /users/{id}", "DELETE /users/{id}/factors"];

/// Every operation, by a name such as `GET /users/{id}`.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, it)| (format!("{} {path}", method.to_uppercase()), it))
    });
    operations.collect()
}

async fn every_operation_is_described_with_all_that_it_may_answer(world: &World) {
    let document = world.get("/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["title"], "Roster");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["info"]["license"]["identifier"], "Apache-2.0 OR MIT");
    let mut statuses: BTreeMap<_, _> = operations(&document)
        .into_iter()
        .map(|(name, it)| (name, it["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")))
        .collect();
    let expected = [
        ("DELETE /auth/passkeys/{id}", "204 400 401 403 404 414 431 500 503"),
        ("DELETE /auth/totp", "204 400 401 403 404 414 431 500 503"),
        ("DELETE /users/{id}/factors", "204 400 401 403 404 408 409 413 414 415 422 431 500 503"),
        ("GET /.well-known/passkey-endpoints", "200 400 404 414 431 500 503"),
        ("GET /.well-known/webauthn", "200 400 404 414 431 500 503"),
        ("GET /auth/factors", "200 400 401 403 414 431 500 503"),
        ("GET /auth/passkeys", "200 400 401 403 414 431 500 503"),
        ("POST /auth/login/second-factor", "200 400 401 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/passkeys", "201 400 401 403 408 409 413 414 415 422 431 500 503"),
        ("POST /auth/passkeys/login", "200 400 401 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/passkeys/login/options", "200 400 401 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/passkeys/options", "200 400 401 403 404 414 431 500 503"),
        ("POST /auth/recovery-codes", "200 400 401 403 409 414 431 500 503"),
        ("POST /auth/step-up", "204 400 401 403 404 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/totp", "200 400 401 403 404 409 414 431 500 503"),
        ("POST /auth/totp/confirm", "200 400 401 403 408 409 413 414 415 422 429 431 500 503"),
        ("DELETE /auth/service-keys/{id}", "204 400 401 403 404 414 431 500 503"),
        ("DELETE /auth/sessions", "204 400 401 403 414 431 500 503"),
        ("DELETE /auth/sessions/{id}", "204 400 401 403 404 414 431 500 503"),
        ("GET /.well-known/jwks.json", "200 400 414 431 500 503"),
        ("GET /audit-events", "200 400 401 403 414 422 431 500 503"),
        ("GET /auth/service-keys", "200 400 401 403 414 422 431 500 503"),
        ("GET /auth/sessions", "200 400 401 403 414 422 431 500 503"),
        ("GET /commands/{id}", "200 400 401 403 404 410 414 429 431 500 503"),
        ("GET /commands/{id}/events", "200 400 401 403 404 410 414 429 431 500 503"),
        ("GET /health/live", "200 default"),
        ("GET /health/ready", "200 503 default"),
        ("GET /invitations", "200 400 401 403 414 422 431 500 503"),
        ("GET /invitations/{id}", "200 400 401 403 404 414 431 500 503"),
        ("GET /jobs/{id}", "200 400 401 403 404 414 431 500 503"),
        ("GET /jobs/{id}/errors", "200 400 401 403 404 414 422 431 500 503"),
        ("GET /mails", "200 400 401 403 414 422 431 500 503"),
        ("GET /mails/{id}", "200 400 401 403 404 414 431 500 503"),
        ("GET /users", "200 400 401 403 414 422 431 500 503"),
        ("GET /users/by-email/{email}", "200 400 401 403 404 414 431 500 503"),
        ("GET /users/me", "200 400 401 403 404 414 431 500 503"),
        ("GET /users/{id}", "200 304 400 401 403 404 414 431 500 503"),
        ("GET /users/{id}/export", "200 400 401 403 404 414 429 431 500 503"),
        ("POST /auth/introspect", "200 400 401 403 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/login", "200 400 401 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/logout", "204 400 401 403 408 413 414 415 422 431 500 503"),
        ("POST /auth/password", "204 400 401 403 404 408 409 413 414 415 422 429 431 500 503"),
        ("POST /auth/password/check", "200 400 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/password/forgot", "202 400 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/password/reset", "204 400 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/refresh", "200 400 401 408 413 414 415 422 429 431 500 503"),
        ("POST /auth/service-keys", "201 400 401 403 408 413 414 415 422 431 500 503"),
        ("POST /jobs", "202 400 401 403 408 413 414 415 422 431 500 503"),
        ("POST /jobs/{id}/cancel", "200 400 401 403 404 414 431 500 503"),
        ("POST /users", "200 201 202 400 401 403 408 409 413 414 415 422 429 431 500 503"),
        ("POST /users/{id}/deactivate", "200 202 400 401 403 404 408 409 413 414 415 422 431 500 503"),
        ("POST /users/{id}/password-reset", "200 202 400 401 403 404 408 409 413 414 415 422 431 500 503"),
        ("POST /users/{id}/reactivate", "200 202 400 401 403 404 408 409 413 414 415 422 431 500 503"),
        ("PUT /auth/roles/{id}", "204 400 401 403 404 408 409 413 414 415 422 431 500 503"),
    ];
    for (name, expected) in expected {
        assert_eq!(statuses.remove(name).as_deref(), Some(expected), "{name}");
    }
    // The others are commands. Their statuses follow from the types of their requests.
    for (name, statuses) in statuses {
        for status in ["202", "400", "401", "408", "413", "414", "415", "422", "431", "500", "503"] {
            assert!(statuses.split(' ').any(|it| it == status), "{name}: {status} is not among {statuses}");
        }
    }
}

async fn every_operation_has_a_name_texts_schemas_and_examples(world: &World) {
    let document = world.get("/openapi.json").await.json();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let text = |value: &Value, what: &str| {
            assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name}: no {what}: {value}");
        };
        text(&operation["summary"], "summary");
        text(&operation["tags"][0], "tag");
        text(&operation["operationId"], "id");
        assert!(ids.insert(operation["operationId"].to_string()), "{name}: its id is another's");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            text(&parameter["name"], "name of a parameter");
            text(&parameter["description"], "description of a parameter");
            assert!(parameter["schema"].is_object(), "{name}: {parameter}");
        }
        let placeholders = name.matches('{').count();
        let in_path = operation["parameters"].as_array().into_iter().flatten().filter(|it| it["in"] == "path");
        assert_eq!(in_path.count(), placeholders, "{name}: each part of the path is described");
        let body = operation.get("requestBody");
        let takes_one = DELETIONS_WITH_A_BODY.contains(&name.as_str())
            || name.starts_with("P") && !WITHOUT_A_BODY.contains(&name.as_str());
        assert_eq!(body.is_some(), takes_one, "{name}");
        if let Some(body) = body.filter(|_| name != "POST /jobs") {
            assert_eq!(body["required"] == true, name != "POST /auth/logout", "{name}");
            let form = name == "POST /auth/introspect";
            let kind = if form { "application/x-www-form-urlencoded" } else { "application/json" };
            has_schema_and_example(&document, &name, &body["content"][kind]);
            let schema = resolve(&document, &body["content"][kind]["schema"]);
            assert_eq!(schema["additionalProperties"], false, "{name}: unknown fields are refused, and it says so");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            text(&response["description"], "description of an answer");
            let content = response["content"].as_object();
            assert_eq!(
                content.is_none_or(|content| content.is_empty()),
                ["204", "304"].contains(&status.as_str()) || status == "202" && name == "POST /auth/password/forgot",
                "{name}: {status}"
            );
            let is_error = !["200", "201", "202", "204", "304"].contains(&status.as_str());
            for (kind, content) in content.into_iter().flatten() {
                let expected = match (name.as_str(), is_error) {
                    ("GET /commands/{id}/events", false) => "text/event-stream",
                    ("GET /health/ready", _) if status == "503" => "application/json",
                    (_, true) => "application/problem+json",
                    _ => "application/json",
                };
                assert_eq!(kind, expected, "{name}: {status}");
                if kind == "text/event-stream" {
                    assert_eq!(content["schema"]["type"], "string", "{name}");
                    continue;
                }
                has_schema_and_example(&document, &format!("{name}: {status}"), content);
            }
            for (header, it) in response["headers"].as_object().into_iter().flatten() {
                text(&it["description"], header);
            }
        }
    }
}

fn has_schema_and_example(document: &Value, name: &str, content: &Value) {
    let schema = resolve(document, &content["schema"]);
    if schema.get("allOf").is_some() {
        // A problem with members of its own.
        return;
    }
    assert_eq!(schema["type"], "object", "{name}: {content}");
    let example = content.get("example").or_else(|| schema.get("example"));
    let example = example.unwrap_or_else(|| panic!("{name}: no example"));
    // Without properties it is any object, which another standard describes.
    let Some(properties) = schema["properties"].as_object() else { return };
    for (field, property) in properties {
        let described = property.get("description").or_else(|| property.get("$ref")).or_else(|| property.get("oneOf"));
        assert!(described.is_some() || name.contains("health"), "{name}: {field} is not described");
    }
    let fields = example.as_object().unwrap();
    assert!(fields.keys().all(|field| properties.contains_key(field)), "{name}: the example has fields of its own");
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    assert!(required.into_iter().all(|field| fields.contains_key(field)), "{name}: the example lacks a field");
}

async fn generated_clients_get_one_plain_type_for_each_thing(world: &World) {
    let document = world.get("/openapi.json").await.json();
    for (name, operation) in operations(&document) {
        assert!(operation["security"].is_array(), "{name}: it must say whether it needs a token");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            // No parameter is null: it is absent.
            assert!(parameter["schema"]["type"].is_string(), "{name}: {parameter}");
            let pattern = parameter["schema"]["pattern"].as_str().unwrap_or_default();
            assert!(!pattern.contains("(user|"), "{name}: a closed set is an enum: {parameter}");
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let pages = schemas.iter().filter(|(name, _)| name.starts_with("Page_"));
    for (name, page) in pages {
        let items = name.replacen("Page_", "#/components/schemas/", 1);
        assert_eq!(page["properties"]["data"]["items"], json!({ "$ref": items }), "{name}");
    }
}

async fn the_example_of_a_registration_registers(world: &World) {
    let document = world.get("/openapi.json").await.json();
    let example = &document["components"]["schemas"]["Registration"]["example"];
    let answer = world.send(&Request::post("/users", example)).await;
    assert_eq!(world.outcome(&answer).await["status"], "succeeded");
    assert!(world.verify(example["email"].as_str().unwrap(), example["password"].as_str().unwrap()).await.is_some());
}

async fn the_documented_limits_of_a_registration_are_enforced(world: &World) {
    let document = world.get("/openapi.json").await.json();
    let schema = &document["components"]["schemas"]["Registration"];
    assert_eq!(schema["required"], json!(["email"]), "in one mode the password is optional");
    let fields: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["email", "id", "name", "password"]);
    let limit = |field: &str, name: &str| usize::try_from(schema["properties"][field][name].as_u64().unwrap()).unwrap();
    let refused = async |person: &Person| world.send(&person.sign_up()).await.violations();
    let person = || Person::new("ada@example.org");
    let name = "ñ".repeat(limit("name", "maxLength") + 1);
    assert_eq!(refused(&person().called(name)).await, [("/name".into(), "name_too_long".into())]);
    let password = &"drei blaue Würfel"[..limit("password", "minLength") - 1];
    assert_eq!(refused(&person().with_password(password)).await, [("/password".into(), "password_too_short".into())]);
    let longest = person().called("ñ".repeat(limit("name", "maxLength")));
    assert_eq!(world.send(&longest.sign_up()).await.status, 202);
}

async fn the_page_and_all_that_it_loads_come_from_the_binary(world: &World) {
    let moved = world.get("/docs").await;
    assert_eq!((moved.status, moved.header("location")), (308, Some("/docs/")));
    let page = world.get("/docs/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    let loaded: Vec<_> = ["src=\"", "href=\""].iter().flat_map(|key| page.body.split(key).skip(1)).collect();
    assert!(loaded.len() >= 5, "{}", page.body);
    for file in loaded {
        let file = file.split('"').next().unwrap();
        assert!(!file.contains("//"), "{file}: from elsewhere");
        let file = file.trim_start_matches("./");
        let bytes = Request::new("HEAD", format!("/docs/{file}"));
        let answer = world.send(&bytes).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(answer.header("content-length").is_some_and(|length| length.parse::<u64>().unwrap() > 100), "{file}");
    }
    let script = world.get("/docs/swagger-initializer.js").await;
    assert!(script.body.contains("\"../openapi.json\"") && !script.body.contains("http"), "{}", script.body);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
}
