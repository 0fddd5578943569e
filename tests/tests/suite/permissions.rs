//! Permissions: every kind of caller calls every operation of the OpenAPI document.

use crate::registration::requested;
use acceptance::smtp::token_in;
use acceptance::{Answer, Person, Request, SignedIn, World, in_each_database, in_one_world, process, resolve};
use contracts::{MailTemplate, SendMail};
use identity::{Email, MailId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use users_infrastructure::RegistrationMode;
use uuid::Uuid;

in_each_database! {
    each_operation_admits_exactly_the_callers_of_the_table,
}

in_one_world! {
    an_empty_body_is_refused_with_every_required_field,
}

/// The kinds of callers. An id in a path belongs to the owner. `deactivated` uses a session from before the
/// deactivation.
pub(super) const CALLERS: [&str; 7] = ["anonymous", "owner", "other", "deactivated", "admin", "introspects", "audits"];

/// The expected result for each of [`CALLERS`]: `in` (allowed), `all` and `some` (allowed, with and without private
/// fields), or the status of a refusal; 404 for things of another user.
const TABLE: &[(&str, [&str; 7])] = &[
    // There is none, because a second factor would change how the callers sign in.
    ("DELETE /auth/passkeys/{id}", ["401", "404", "404", "401", "404", "403", "403"]),
    ("DELETE /auth/totp", ["401", "404", "404", "401", "404", "403", "403"]),
    // There is no such user, because the user would lose the password.
    ("DELETE /users/{id}/factors", ["401", "403", "403", "401", "404", "403", "403"]),
    ("GET /.well-known/passkey-endpoints", ["in"; 7]),
    ("GET /.well-known/webauthn", ["in"; 7]),
    ("GET /auth/factors", ["401", "in", "in", "401", "in", "403", "403"]),
    ("GET /auth/passkeys", ["401", "in", "in", "401", "in", "403", "403"]),
    // The challenge counts, not the caller, and the example is no challenge.
    ("POST /auth/login/second-factor", ["401"; 7]),
    ("POST /auth/passkeys", ["401", "in", "in", "401", "in", "403", "403"]),
    ("POST /auth/passkeys/login", ["401"; 7]),
    ("POST /auth/passkeys/login/options", ["in"; 7]),
    ("POST /auth/passkeys/options", ["401", "in", "in", "401", "in", "403", "403"]),
    ("POST /auth/recovery-codes", ["401", "in", "in", "401", "in", "403", "403"]),
    ("POST /auth/step-up", ["401", "in", "in", "401", "in", "403", "403"]),
    ("POST /auth/totp", ["401", "in", "in", "401", "in", "403", "403"]),
    ("POST /auth/totp/confirm", ["401", "in", "in", "401", "in", "403", "403"]),
    ("DELETE /auth/service-keys/{id}", ["401", "403", "403", "401", "in", "403", "403"]),
    ("DELETE /auth/sessions", ["401", "in", "in", "401", "in", "403", "403"]),
    ("DELETE /auth/sessions/{id}", ["401", "in", "404", "401", "404", "403", "403"]),
    ("GET /.well-known/jwks.json", ["in"; 7]),
    ("GET /audit-events", ["401", "403", "403", "401", "in", "403", "in"]),
    ("GET /auth/service-keys", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /auth/sessions", ["401", "in", "in", "401", "in", "403", "403"]),
    ("GET /commands/{id}", ["some", "all", "some", "401", "all", "some", "some"]),
    ("GET /commands/{id}/events", ["some", "all", "some", "401", "all", "some", "some"]),
    ("GET /health/live", ["in"; 7]),
    ("GET /health/ready", ["in"; 7]),
    ("GET /invitations", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /invitations/{id}", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /jobs/{id}", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /jobs/{id}/errors", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /mails", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /mails/{id}", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /users", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /users/by-email/{email}", ["401", "403", "403", "401", "in", "403", "403"]),
    ("GET /users/me", ["401", "in", "in", "401", "in", "403", "403"]),
    ("GET /users/{id}", ["some", "all", "some", "401", "all", "some", "some"]),
    ("GET /users/{id}/export", ["401", "in", "404", "401", "in", "403", "403"]),
    ("POST /auth/email/revert", ["in"; 7]),
    ("POST /auth/introspect", ["401", "403", "403", "401", "403", "in", "403"]),
    // Sign-in and refresh ignore the caller's token; the account that signs in matters.
    ("POST /auth/login", ["in", "in", "in", "401", "in", "in", "in"]),
    ("POST /auth/logout", ["401", "in", "in", "401", "in", "403", "403"]),
    ("POST /auth/password", ["401", "in", "in", "401", "in", "403", "403"]),
    ("POST /auth/password/check", ["in"; 7]),
    ("POST /auth/password/forgot", ["in"; 7]),
    // The token counts, not the caller.
    ("POST /auth/password/reset", ["in"; 7]),
    ("POST /auth/refresh", ["in", "in", "in", "401", "in", "in", "in"]),
    ("POST /auth/service-keys", ["401", "403", "403", "401", "in", "403", "403"]),
    ("POST /invitations/accept", ["in"; 7]),
    ("POST /jobs", ["401", "403", "403", "401", "in", "403", "403"]),
    ("POST /jobs/{id}/cancel", ["401", "403", "403", "401", "in", "403", "403"]),
    ("POST /users", ["in"; 7]),
    ("POST /users/confirm", ["in"; 7]),
    ("POST /users/{id}/email/confirm", ["in"; 7]),
    ("POST /users/{id}/deactivate", ["401", "403", "403", "401", "in", "403", "403"]),
    ("POST /users/{id}/reactivate", ["401", "403", "403", "401", "in", "403", "403"]),
    ("PUT /auth/roles/{id}", ["401", "403", "403", "401", "in", "403", "403"]),
];

/// The rows of commands that are not in [`TABLE`], by the description of their 403, which follows from the type of the
/// sender.
const BY_SENDER: [(&str, [&str; 7]); 4] = [
    ("Service keys have no user.", ["401", "in", "in", "401", "in", "403", "403"]),
    ("Service keys may not do this for a user.", ["401", "in", "404", "401", "in", "403", "403"]),
    ("The caller is not this user.", ["401", "in", "403", "401", "403", "403", "403"]),
    ("The caller is not an administrator.", ["401", "403", "403", "401", "in", "403", "403"]),
];

/// The row of every operation of the document.
pub(super) fn table(document: &Value) -> Vec<(String, [&'static str; 7])> {
    let mut rows = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            let listed = TABLE.iter().find(|(listed, _)| *listed == name).map(|(_, row)| *row);
            let refusal = operation["responses"]["403"]["description"].as_str().unwrap_or_default();
            let is_command = operation["responses"].get("202").is_some();
            let by_sender = BY_SENDER.iter().find(|(sender, _)| is_command && *sender == refusal);
            let row = listed.or_else(|| by_sender.map(|(_, row)| *row));
            rows.push((name.clone(), row.unwrap_or_else(|| panic!("{name}: add a row to the table above"))));
        }
    }
    for (listed, _) in TABLE {
        assert!(rows.iter().any(|(name, _)| name == listed), "the document has no {listed}");
    }
    rows
}

/// The operation that erases its target.
const ERASE: &str = "DELETE /users/{id}";

/// The private fields of a user and of a command.
const NOT_FOR_EVERYONE: [&str; 2] = ["\"email\":", "\"target\":"];

/// The callers with their credentials.
pub(super) struct Cast {
    pub(super) people: BTreeMap<&'static str, (Person, SignedIn)>,
    pub(super) keys: BTreeMap<&'static str, (Uuid, String)>,
    /// The command with which the owner has registered the guest.
    command: String,
    /// The guest's user id.
    guest: String,
}

impl Cast {
    pub(super) async fn of(world: &World) -> Self {
        let mut people = BTreeMap::new();
        for name in ["owner", "other", "deactivated", "admin"] {
            let person = Person::new(format!("{name}@example.org"));
            let member = world.member(&person).await;
            people.insert(name, (person, member));
        }
        world.promote(&people["admin"].1).await;
        world.deactivate(&people["deactivated"].1, &people["admin"].1).await;
        let mut keys = BTreeMap::new();
        for (name, scope) in [("introspects", "introspect"), ("audits", "audit:read")] {
            keys.insert(name, key(world, &people["admin"].1, scope).await);
        }
        let sent = world.send(&Person::new("guest@example.org").sign_up().by(&people["owner"].1)).await;
        let [command, guest] =
            ["/id", "/target/id"].map(|it| sent.json().pointer(it).unwrap().as_str().unwrap().to_owned());
        world.outcome(&sent).await;
        Self { people, keys, command, guest }
    }

    /// The person of a caller, or the owner if the caller is not a person.
    fn person(&self, caller: &str) -> &(Person, SignedIn) {
        self.people.get(caller).unwrap_or(&self.people["owner"])
    }

    /// The caller's name in the audit log.
    fn actor(&self, caller: &str) -> String {
        match self.keys.get(caller) {
            Some((key, _)) => format!("service:{key}"),
            None => format!("user:{}", self.people[caller].1.user),
        }
    }

    /// Signs a caller in again if an earlier request has ended their session.
    async fn awake(&mut self, world: &World, caller: &str) {
        if caller != "deactivated"
            && let Some((person, member)) = self.people.get_mut(caller)
            && !world.knows(member).await
        {
            *member = world.sign_in(member.user, person).await;
        }
    }

    fn bear(&self, caller: &str, request: Request) -> Request {
        match (self.people.get(caller), self.keys.get(caller)) {
            (Some((_, member)), _) => request.by(member),
            (_, Some((_, key))) => request.bearing(key),
            _ => request,
        }
    }

    /// An existing id for the operation's `{id}`. It is new each time if the operation works only once.
    async fn id(&self, world: &World, path: &str, caller: &str) -> String {
        let (person, owner) = &self.people["owner"];
        match path {
            "/users/{id}/factors" | "/auth/passkeys/{id}" => process::uuid().to_string(),
            "/users/{id}/deactivate" | "/users/{id}/reactivate" | "/users/{id}/sessions" => self.guest.clone(),
            // What only the user themself may do, by a caller who is about to lose that right.
            _ if path.starts_with("/users/{id}") && caller == "late" => self.people["late"].1.user.to_string(),
            _ if path.starts_with("/users/{id}") || path == "/auth/roles/{id}" => owner.user.to_string(),
            "/commands/{id}" | "/commands/{id}/events" => self.command.clone(),
            _ if path.starts_with("/jobs/{id}") => {
                let file = Request::new("POST", "/jobs?type=import").body("application/x-ndjson", "");
                let job = world.send(&file.by(&self.people["admin"].1)).await.json();
                job["id"].as_str().unwrap().to_owned()
            }
            _ if path.starts_with("/invitations/{id}") => {
                let body = json!({ "email": format!("{}@example.org", process::uuid()) });
                let invited = Request::post("/invitations", &body).by(&self.people["admin"].1).wait(30);
                let invited = world.send(&invited).await.json()["id"].as_str().unwrap().to_owned();
                // Its mail is on its way.
                world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
                invited
            }
            _ if path.starts_with("/mails/{id}") => {
                let id = MailId::random();
                let (template, to) = (MailTemplate::Test, Email::parse(&format!("{id}@example.org")).unwrap());
                let mail =
                    SendMail { id, template, to, user_id: None, language: None, parameters: [].into(), token: None };
                world.ask_for_mail(&mail).await;
                world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
                id.to_string()
            }
            "/auth/sessions/{id}" => world.sign_in(owner.user, person).await.session.to_string(),
            "/auth/service-keys/{id}" => key(world, &self.people["admin"].1, "introspect").await.0.to_string(),
            _ => self.made(world, path).await,
        }
    }

    /// The id of a resource that the owner makes with the example of the document: `/orders/{id}` → `POST /orders`.
    async fn made(&self, world: &World, path: &str) -> String {
        let collection = path.split_once("/{id}").unwrap_or_else(|| panic!("there is no id for {path}")).0;
        let document = world.get("/openapi.json").await.json();
        let body = &document["paths"][collection]["post"]["requestBody"]["content"]["application/json"]["schema"];
        let request = Request::post(collection.to_owned(), &resolve(&document, body)["example"]);
        let answer = world.send(&request.by(&self.people["owner"].1).wait(30)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// A valid body for the operation: by default, the document's example.
    async fn body(&self, world: &World, name: &str, caller: &str, example: &Value) -> Value {
        let (person, member) = self.person(caller);
        match name {
            "POST /auth/introspect" => json!({ "token": self.people["owner"].1.access }),
            // With a refresh token, anyone could sign out.
            "POST /auth/logout" => json!({}),
            "POST /auth/login" => json!({ "email": person.email, "password": person.password }),
            "POST /auth/password" => json!({ "current_password": person.password, "new_password": other_than(person) }),
            "POST /auth/step-up" => json!({ "password": person.password }),
            "POST /auth/refresh" if caller == "deactivated" => json!({ "refresh_token": member.refresh }),
            "POST /auth/refresh" => json!({ "refresh_token": world.sign_in(member.user, person).await.refresh }),
            "POST /users" => Person::new(format!("by-{caller}@example.org")).json(),
            "POST /users/confirm" => {
                let node = world.node_with_registration(RegistrationMode::Verified).await;
                let person = Person::new(format!("{}@example.org", process::uuid()));
                let token = requested(world, &node, &person).await;
                node.stop().await;
                json!({ "token": token, "password": person.password })
            }
            "POST /invitations/accept" => {
                let email = format!("{}@example.org", process::uuid());
                let request = Request::post("/invitations", &json!({ "email": email }));
                world.send(&request.by(&self.people["admin"].1).wait(30)).await;
                let mails = world.mails("invitation", &email).await;
                json!({ "token": token_in(&mails[0]), "password": person.password })
            }
            // The owner is needed later, so the password is wrong.
            ERASE if caller == "owner" => json!({ "current_password": other_than(person) }),
            ERASE if caller == "late" => json!({ "current_password": person.password }),
            "PUT /auth/roles/{id}" => json!({ "role": "user" }),
            _ => example.clone(),
        }
    }

    /// A request for the operation without its body.
    async fn without_body(&self, world: &World, name: &str, caller: &str) -> Request {
        let (method, path) = name.split_once(' ').unwrap();
        let method = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|it| *it == method).unwrap();
        let target = if name == ERASE && caller == "admin" {
            path.replace(
                "{id}",
                &world.register(&Person::new(format!("{}@example.org", process::uuid()))).await.to_string(),
            )
        } else if path.contains("{id}") {
            path.replace("{id}", &self.id(world, path, caller).await)
        } else {
            path.replace("{email}", &self.people["owner"].0.email).replace("/jobs", "/jobs?type=import")
        };
        self.bear(caller, Request::new(method, target))
    }

    pub(super) async fn request(&self, world: &World, document: &Value, name: &str, caller: &str) -> Request {
        let request = self.without_body(world, name, caller).await;
        let Some((kind, content)) = content(document, name).as_object().and_then(|it| it.iter().next()) else {
            return request;
        };
        let body = self.body(world, name, caller, &resolve(document, &content["schema"])["example"]).await;
        if kind == "application/x-www-form-urlencoded" {
            let pairs =
                body.as_object().unwrap().iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap()));
            return request.body(kind, pairs.collect::<Vec<_>>().join("&"));
        }
        request.body(kind, body.to_string())
    }
}

/// The body of an operation in the document: a schema for each media type.
fn content<'a>(document: &'a Value, name: &str) -> &'a Value {
    let (method, path) = name.split_once(' ').unwrap();
    &document["paths"][path][method.to_lowercase()]["requestBody"]["content"]
}

/// Another password than this person's.
fn other_than(person: &Person) -> String {
    format!("{}, and more", person.password)
}

pub(super) async fn key(world: &World, admin: &SignedIn, scope: &str) -> (Uuid, String) {
    let body = json!({ "name": "orders", "scope": scope, "days": 7 });
    let made = world.send(&Request::post("/auth/service-keys", &body).by(admin)).await.json();
    (made["id"].as_str().unwrap().parse().unwrap(), made["key"].as_str().unwrap().to_owned())
}

/// Classifies an answer in the words of [`TABLE`].
fn verdict(expected: &str, caller: &str, answer: &Answer) -> String {
    match answer.status {
        // The caller may, and the example is no code of theirs.
        401 if expected == "in" && answer.problem() == "wrong_code" => "in".into(),
        409 if expected == "in" && ["no_second_factor", "totp_not_begun"].contains(&&*answer.problem()) => "in".into(),
        401 if ["challenge_invalid", "passkey_refused"].contains(&&*answer.problem()) => "401".into(),
        401 => {
            let codes: &[&str] = match caller {
                "anonymous" => &["unauthenticated"],
                _ => &["invalid_token", "wrong_credentials", "invalid_refresh_token"],
            };
            assert!(codes.contains(&answer.problem().as_str()), "{caller}: {answer:?}");
            assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Bearer ")), "{answer:?}");
            "401".into()
        }
        403 => {
            assert_eq!(answer.problem(), "forbidden", "{caller}: {answer:?}");
            "403".into()
        }
        404 => "404".into(),
        422 if ["wrong_password", "token_invalid", "passkey_refused"].iter().any(|it| answer.body.contains(it)) => {
            "in".into()
        }
        200..=299 if expected == "in" => "in".into(),
        200..=299 if NOT_FOR_EVERYONE.iter().any(|it| answer.body.contains(it)) => "all".into(),
        200..=299 => "some".into(),
        status => format!("{status}: {}", answer.body),
    }
}

async fn each_operation_admits_exactly_the_callers_of_the_table(world: &World) {
    let document = world.get("/openapi.json").await.json();
    let mut cast = Cast::of(world).await;
    let (mut wrong, mut refused) = (Vec::new(), Vec::new());
    for (name, row) in table(&document) {
        let name = name.as_str();
        for (caller, expected) in CALLERS.into_iter().zip(row) {
            cast.awake(world, "owner").await;
            cast.awake(world, caller).await;
            let request = cast.request(world, &document, name, caller).await;
            let got = verdict(expected, caller, &world.send(&request).await);
            if name == "POST /auth/password"
                && got == "in"
                && let Some((person, _)) = cast.people.get_mut(caller)
            {
                *person = person.clone().with_password(other_than(person));
            }
            if got != expected {
                wrong.push(format!("{name} by {caller}: {got}, not {expected}"));
            }
            if got == "403" {
                let (_, path) = name.split_once(' ').unwrap();
                refused.push(format!("{} {path}", cast.actor(caller)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let recorded = "select actor || ' ' || target from auth_audit_events \
         where action = 'access' and outcome = 'refused' and reason = 'forbidden'";
    let mut recorded = world.texts(recorded).await;
    recorded.sort();
    refused.sort();
    assert_eq!(recorded, refused, "exactly the refused known callers are in the audit log");
}

async fn an_empty_body_is_refused_with_every_required_field(world: &World) {
    let document = world.get("/openapi.json").await.json();
    let cast = Cast::of(world).await;
    let mut tested = 0;
    for (name, row) in table(&document) {
        let body = resolve(&document, &content(&document, &name)["application/json"]["schema"]);
        let Some(required) = body["required"].as_array() else { continue };
        // 404: the caller may, and there is no such thing.
        let may = |(_, expected): &(&str, &str)| ["in", "404"].contains(expected);
        let caller = CALLERS.into_iter().zip(row).find(may).map_or("anonymous", |(caller, _)| caller);
        let empty = cast.without_body(world, &name, caller).await.body("application/json", "{}");
        let answer = world.send(&empty).await;
        assert_eq!(answer.status, 422, "{name}: {answer:?}");
        let problem = answer.json();
        let named: BTreeSet<_> =
            problem["errors"].as_array().unwrap().iter().map(|it| it["pointer"].as_str().unwrap()).collect();
        let mut required: BTreeSet<_> = required.iter().map(|it| format!("/{}", it.as_str().unwrap())).collect();
        if name == "POST /users" {
            // Optional in one mode of registration.
            required.insert("/password".to_owned());
        }
        assert_eq!(named, required.iter().map(String::as_str).collect(), "{name}");
        tested += 1;
    }
    assert!(tested >= 5, "{tested} bodies are not all of them");
}
