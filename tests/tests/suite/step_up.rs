//! Which requests need a fresh session or a second factor, and what a session without them may do.

use acceptance::{
    Authenticator, Node, Person, Request, SignedIn, World, challenge_of, in_each_database, in_one_world, second_factor,
    step_up,
};
use auth_domain::SecondFactorPolicy;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

in_each_database! {
    each_route_of_the_table_asks_for_a_step_up_at_every_level,
    adding_or_removing_a_factor_lowers_every_other_session_at_once,
    a_session_without_the_factor_that_is_asked_for_is_good_only_for_enrolment,
}

in_one_world! {
    the_table_has_exactly_the_routes_that_the_document_names,
    a_step_up_needs_what_the_user_has_and_lasts_for_its_time,
    administrators_alone_are_asked_for_a_second_factor,
    a_session_that_is_lowered_while_a_body_arrives_changes_nothing,
    without_the_last_factor_a_session_has_one_factor_again,
}

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A fresh session.
    Fresh,
    /// The current password in the body and, of a user with a second factor, a fresh session.
    Confirmed,
}

/// The rows of the table in `docs/SECURITY-DESIGN.md`, with a request for each. The requests change only `guest`, and
/// end the other sessions of the sender.
fn table(me: Uuid, guest: Uuid, nth: usize) -> Vec<(&'static str, Need, Request)> {
    let (wrong, unknown) = ("not my password", Uuid::from_u128(7));
    let json =
        |method, path: String, body: Value| Request::new(method, path).body("application/json", body.to_string());
    let of_service_key = format!("/auth/service-keys/{unknown}");
    let own = json!({ "current_password": wrong });
    let own_email = json!({ "current_password": wrong, "email": format!("me{nth}@example.org") });
    let others_email = json!({ "email": format!("guest{nth}@example.org") });
    let new = json!({ "current_password": wrong, "new_password": "another horse, another staple" });
    let invitation = json!({ "email": format!("new{nth}@example.org"), "role": "admin" });
    let reason = json!({ "reason": "a test" });
    vec![
        ("DELETE /auth/service-keys/{id}", Need::Fresh, Request::new("DELETE", of_service_key)),
        ("DELETE /auth/sessions", Need::Fresh, Request::new("DELETE", "/auth/sessions")),
        ("DELETE /auth/sessions/{id}", Need::Fresh, Request::new("DELETE", format!("/auth/sessions/{unknown}"))),
        ("DELETE /users/{id}", Need::Fresh, json("DELETE", format!("/users/{guest}"), reason.clone())),
        ("DELETE /users/{id}", Need::Confirmed, json("DELETE", format!("/users/{me}"), own)),
        ("DELETE /users/{id}/factors", Need::Fresh, json("DELETE", format!("/users/{unknown}/factors"), reason)),
        ("PATCH /users/{id}", Need::Fresh, json("PATCH", format!("/users/{guest}"), others_email)),
        ("PATCH /users/{id}", Need::Confirmed, json("PATCH", format!("/users/{me}"), own_email)),
        ("POST /auth/password", Need::Confirmed, json("POST", "/auth/password".to_owned(), new)),
        ("DELETE /auth/passkeys/{id}", Need::Fresh, Request::new("DELETE", format!("/auth/passkeys/{unknown}"))),
        ("POST /auth/passkeys", Need::Fresh, json("POST", "/auth/passkeys".to_owned(), json!({ "credential": {} }))),
        ("POST /auth/passkeys/options", Need::Fresh, Request::new("POST", "/auth/passkeys/options")),
        ("POST /auth/recovery-codes", Need::Fresh, Request::new("POST", "/auth/recovery-codes")),
        ("POST /auth/service-keys", Need::Fresh, json("POST", "/auth/service-keys".to_owned(), json!({}))),
        ("POST /auth/totp", Need::Fresh, Request::new("POST", "/auth/totp")),
        (
            "POST /auth/totp/confirm",
            Need::Fresh,
            json("POST", "/auth/totp/confirm".to_owned(), json!({ "code": "000000" })),
        ),
        ("POST /invitations", Need::Fresh, json("POST", "/invitations".to_owned(), invitation)),
        ("POST /jobs", Need::Fresh, json("POST", "/jobs?type=erase".to_owned(), json!({}))),
        ("PUT /auth/roles/{id}", Need::Fresh, json("PUT", format!("/auth/roles/{unknown}"), json!({ "role": "user" }))),
        // The last one, because it takes the second factor away.
        ("DELETE /auth/totp", Need::Fresh, Request::new("DELETE", "/auth/totp")),
    ]
}

async fn the_table_has_exactly_the_routes_that_the_document_names(world: &World) {
    let document = world.get("/openapi.json").await.json();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let why = operation["responses"]["401"]["description"].as_str().unwrap_or_default();
            if why.contains("step_up_required") {
                documented.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let unknown = Uuid::from_u128(7);
    let tested: BTreeSet<_> = table(unknown, unknown, 0).iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(tested, documented);
    let page = include_str!("../../../docs/SECURITY-DESIGN.md");
    let (_, section) = page.split_once("### Step-up\n").unwrap();
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.map(str::to_owned).collect::<BTreeSet<_>>(), documented, "docs/SECURITY-DESIGN.md");
}

/// Whether the answer asks for a step-up, as RFC 9470 says.
async fn asks(node: &Node, request: Request, level: &str) -> bool {
    let answer = node.send(&request).await;
    if answer.status != 401 || answer.problem() != "step_up_required" {
        return false;
    }
    let challenge = answer.header("www-authenticate").unwrap();
    for part in ["error=\"insufficient_user_authentication\"", &format!("acr_values=\"{level}\""), "max_age=\"900\""] {
        assert!(challenge.contains(part), "{challenge}");
    }
    true
}

async fn each_route_of_the_table_asks_for_a_step_up_at_every_level(world: &World) {
    let person = Person::new("boss@example.org");
    let boss = world.administrator(&person.email).await;
    // Another administrator, so that no refusal is about the last one.
    world.administrator("other@example.org").await;
    let mut nth = 0;
    let mut check = async |who: &SignedIn, level: &str, what: &str, asked: &dyn Fn(Need) -> bool| {
        nth += 1;
        let guest = world.register(&Person::new(format!("guest-{nth}@example.com"))).await;
        for (name, need, request) in table(who.user, guest, nth) {
            let got = asks(world, request.by(who), level).await;
            assert_eq!(got, asked(need), "{name} ({need:?}), {what}");
        }
        world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
    };
    check(&boss, "aal1", "no factor, fresh", &|_| false).await;
    world.age_sessions(60).await;
    check(&boss, "aal1", "no factor, an hour old", &|need| need == Need::Fresh).await;

    let weak = world.sign_in(boss.user, &person).await;
    let app = world.enrol(&world.sign_in(boss.user, &person).await).await;
    check(&weak, "aal2", "a factor, signed in without it", &|_| true).await;
    world.forget_used_codes().await;
    let strong = world.sign_in_with(&boss, &person, &app.code()).await;
    world.age_sessions(60).await;
    check(&strong, "aal2", "a factor, an hour old", &|_| true).await;
    world.forget_used_codes().await;
    assert_eq!(world.send(&step_up(&app.code()).by(&strong)).await.status, 204);
    check(&strong, "aal2", "a factor, fresh", &|_| false).await;
}

/// ASVS 7.4.3, 7.5.1
async fn adding_or_removing_a_factor_lowers_every_other_session_at_once(world: &World) {
    let ada = Person::new("ada@example.org");
    let first = world.member(&ada).await;
    let second = world.sign_in(first.user, &ada).await;
    let sensitive = || Request::new("POST", "/auth/totp");
    assert!(!asks(world, sensitive().by(&second), "aal1").await);
    let app = world.enrol(&first).await;
    assert!(asks(world, sensitive().by(&second), "aal2").await, "added");
    assert!(asks(world, sensitive().by(&first), "aal2").await, "enrolling is no sign-in");
    assert!(world.knows(&second).await, "it goes on");

    world.forget_used_codes().await;
    let strong = world.sign_in_with(&first, &ada, &app.code()).await;
    world.forget_used_codes().await;
    let other = world.sign_in_with(&first, &ada, &app.code()).await;
    assert_eq!(world.send(&Request::new("DELETE", "/auth/totp").by(&strong)).await.status, 204);
    assert!(asks(world, sensitive().by(&other), "aal1").await, "removed");
    let refreshed = SignedIn::of(other.user, &world.send(&other.refreshing()).await);
    assert!(asks(world, sensitive().by(&refreshed), "aal1").await, "a refresh is no step-up");
    let by_password = Request::post("/auth/step-up", &json!({ "password": ada.password }));
    assert_eq!(world.send(&by_password.by(&refreshed)).await.status, 204);
    assert!(!asks(world, sensitive().by(&refreshed), "aal1").await);
    assert!(!asks(world, sensitive().by(&other), "aal1").await, "the token that was out before works, too");
}

async fn a_step_up_needs_what_the_user_has_and_lasts_for_its_time(world: &World) {
    let ada = Person::new("ada@example.org");
    let who = world.member(&ada).await;
    let step_up_by = |body: Value| Request::post("/auth/step-up", &body).by(&who);
    let refused = async |body: Value, status: u16, pointer: &str, code: &str| {
        let answer = world.send(&step_up_by(body.clone())).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        if status == 422 {
            let error = &answer.json()["errors"][0];
            assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{body}: {answer:?}");
        } else {
            assert_eq!(answer.problem(), code, "{body}");
        }
    };
    refused(json!({}), 422, "/password", "required").await;
    refused(json!({ "password": "not my password" }), 422, "/password", "wrong_password").await;
    refused(json!({ "code": "123456" }), 401, "", "wrong_code").await;
    refused(json!({ "code": "12345" }), 422, "/code", "code_malformed").await;
    world.age_sessions(60).await;
    assert_eq!(world.send(&step_up_by(json!({ "password": ada.password }))).await.status, 204);
    let app = world.enrol(&who).await;
    world.forget_used_codes().await;
    refused(json!({}), 422, "/code", "required").await;
    refused(json!({ "password": ada.password }), 422, "/code", "required").await;
    refused(json!({ "password": "not my password", "code": app.code() }), 422, "/password", "wrong_password").await;
    let code = app.code();
    assert_eq!(world.send(&step_up_by(json!({ "password": ada.password, "code": code }))).await.status, 204);
    refused(json!({ "code": code }), 401, "", "wrong_code").await;
    assert_eq!(world.send(&step_up(&app.recovery_codes[0]).by(&who)).await.status, 204);
    let claims = world.send(&who.refreshing()).await.json();
    assert!(claims["access_token"].is_string());

    // The sign-in itself counts, and for fifteen minutes.
    let sensitive = || Request::new("POST", "/auth/recovery-codes").by(&who);
    world.age_sessions(14).await;
    assert!(!asks(world, sensitive(), "aal2").await);
    world.age_sessions(2).await;
    assert!(asks(world, sensitive(), "aal2").await);
    let actions = "select action || ' ' || outcome from auth_audit_events where action = 'step_up' order by id";
    let recorded = world.texts(actions).await;
    assert!(recorded.contains(&"step_up refused".to_owned()) && recorded.contains(&"step_up succeeded".to_owned()));
}

/// ASVS 6.3.3
async fn a_session_without_the_factor_that_is_asked_for_is_good_only_for_enrolment(world: &World) {
    let ada = Person::new("ada@example.org");
    let who = world.member(&ada).await;
    let node = world.node_with(|options| options.assurance.second_factor = SecondFactorPolicy::Everybody).await;
    let weak = node.sign_in(who.user, &ada).await;
    for request in
        [Request::get("/users/me"), Request::get("/auth/sessions"), Request::get(format!("/users/{}", who.user))]
    {
        let refused = node.send(&request.by(&weak)).await;
        let got = (refused.status, refused.problem());
        assert_eq!(got, (403, "second_factor_enrolment_required".to_owned()), "{refused:?}");
    }
    let me = Request::get("/users/me");
    assert_eq!(node.send(&Request::get("/auth/factors").by(&weak)).await.status, 200);
    let other = node.sign_in(who.user, &ada).await;
    let app = node.enrol(&weak).await;
    for session in [&weak, &other] {
        let refused = node.send(&me.clone().by(session)).await;
        assert_eq!(refused.problem(), "step_up_required", "a session from before the factor: {refused:?}");
    }
    world.forget_used_codes().await;
    assert_eq!(node.send(&step_up(&app.code()).by(&weak)).await.status, 204);
    assert_eq!(node.send(&me.clone().by(&weak)).await.status, 200);
    world.age_sessions(60).await;
    assert_eq!(node.send(&me.clone().by(&weak)).await.status, 200, "fresh or not");
    world.forget_used_codes().await;
    let challenge = challenge_of(&node.send(&ada.login()).await);
    let strong = SignedIn::of(who.user, &node.send(&second_factor(&challenge, &app.code())).await);
    assert_eq!(node.send(&me.by(&strong)).await.status, 200);
    assert_eq!(node.send(&Request::new("POST", "/auth/logout").by(&other)).await.status, 204, "signing out is allowed");
    node.stop().await;
}

async fn administrators_alone_are_asked_for_a_second_factor(world: &World) {
    let boss = world.administrator("boss@example.org").await;
    let ada = world.member(&Person::new("ada@example.org")).await;
    let node = world.node_with(|options| options.assurance.second_factor = SecondFactorPolicy::Administrators).await;
    let me = Request::get("/users/me");
    assert_eq!(node.send(&me.clone().by(&ada)).await.status, 200);
    assert_eq!(node.send(&me.clone().by(&boss)).await.problem(), "second_factor_enrolment_required");
    // Another service must not let such a session in either.
    let key = Request::post("/auth/service-keys", &json!({ "name": "orders", "scope": "introspect" })).by(&boss);
    let key = world.send(&key).await.json()["key"].as_str().unwrap().to_owned();
    let introspect = |who: &SignedIn| {
        let form = format!("token={}", who.access);
        Request::new("POST", "/auth/introspect").body("application/x-www-form-urlencoded", form).bearing(&key)
    };
    assert_eq!(node.send(&introspect(&boss)).await.json(), json!({ "active": false }));
    let open = node.send(&introspect(&ada)).await.json();
    assert_eq!((&open["active"], &open["acr"], &open["amr"]), (&json!(true), &json!("aal1"), &json!(["pwd"])));
    let app: Authenticator = node.enrol(&boss).await;
    world.forget_used_codes().await;
    assert_eq!(node.send(&step_up(&app.code()).by(&boss)).await.status, 204);
    assert_eq!(node.send(&me.by(&boss)).await.status, 200);
    assert_eq!(node.send(&introspect(&boss)).await.json()["acr"], "aal2");
    node.stop().await;
}

async fn a_session_that_is_lowered_while_a_body_arrives_changes_nothing(world: &World) {
    let person = Person::new("boss@example.org");
    let boss = world.administrator(&person.email).await.user;
    let ada = world.member(&Person::new("ada@example.org")).await.user;
    let of = |method, path: String, body: Value| Request::new(method, path).body("application/json", body.to_string());
    let requests = [
        of("PUT", format!("/auth/roles/{ada}"), json!({ "role": "admin" })),
        of("PATCH", format!("/users/{ada}"), json!({ "email": "eve@example.org" })),
        of("DELETE", format!("/users/{ada}"), json!({ "reason": "a test" })),
        of("POST", "/invitations".to_owned(), json!({ "email": "eve@example.org", "role": "admin" })),
        of("POST", "/jobs?type=erase&domain=example.org".to_owned(), json!({ "reason": "a test" })),
    ];
    for request in requests {
        let boss = world.sign_in(boss, &person).await;
        let held = world.hold(&request.clone().by(&boss)).await;
        world.age_sessions(60).await;
        let answer = held.let_go().await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "step_up_required"), "{request:?}: {answer:?}");
    }
    assert_eq!(world.count("select count(*) from auth_accounts where role = 'admin'").await, 1);
    for left in ["select count(*) from users_jobs", "select count(*) from users_invitations"] {
        assert_eq!(world.count(left).await, 0, "{left}");
    }
}

/// A removed factor vouches for nothing, neither to Roster nor to other services.
async fn without_the_last_factor_a_session_has_one_factor_again(world: &World) {
    let ada = Person::new("ada@example.org");
    let who = world.member(&ada).await;
    let app = world.enrol(&who).await;
    world.forget_used_codes().await;
    let strong = world.sign_in_with(&who, &ada, &app.code()).await;
    let node = world.node_with(|options| options.assurance.second_factor = SecondFactorPolicy::Everybody).await;
    let me = Request::get("/users/me").by(&strong);
    assert_eq!(node.send(&me).await.status, 200);
    assert_eq!(node.send(&Request::new("DELETE", "/auth/totp").by(&strong)).await.status, 204);
    let refused = || async { node.send(&me).await.problem() };
    assert_eq!(refused().await, "second_factor_enrolment_required");
    let by_password = Request::post("/auth/step-up", &json!({ "password": ada.password }));
    assert_eq!(node.send(&by_password.by(&strong)).await.status, 204);
    assert_eq!(refused().await, "second_factor_enrolment_required", "the password is one factor");
    let stored = world.texts("select level || ' ' || methods from auth_sessions order by id").await;
    assert!(stored.iter().all(|it| it == "aal1 password"), "{stored:?}");
    node.stop().await;
}
