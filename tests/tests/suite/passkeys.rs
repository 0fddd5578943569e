//! Passkeys: adding them, signing in with them, and what is refused.

use acceptance::smtp::token_in;
use acceptance::{
    Answer, Node, Person, Request, SignedIn, World, challenge_of, in_each_database, in_one_world, in_shared_worlds,
};
use auth_domain::SecondFactorPolicy;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use persistence::sql;
use roster::compose::ProcessRole;
use serde_json::{Value, json};
use webauthn::testing::SoftAuthenticator;

in_each_database! {
    a_passkey_alone_signs_in_and_is_a_second_factor_after_the_password,
    a_response_is_accepted_once_however_often_it_is_sent,
    a_passkey_that_lies_or_is_a_copy_is_refused,
    removing_a_passkey_lowers_other_sessions_and_the_passkey_is_unknown_from_then_on,
}

in_shared_worlds! {
    a_ceremony_may_begin_at_one_node_and_end_at_another,
}

in_one_world! {
    a_passkey_is_registered_once_and_the_first_factor_brings_recovery_codes,
    the_options_do_not_tell_which_addresses_have_an_account,
    a_passkey_steps_a_session_up,
    a_passkey_satisfies_an_installation_that_asks_for_a_second_factor,
    nonsense_and_late_responses_are_refused_and_lose_nothing,
    without_a_domain_there_are_no_passkeys,
    passkeys_are_listed_erased_and_removed_with_all_factors,
}

const ORIGIN: &str = "http://localhost:8000";

fn ada() -> Person {
    Person::new("ada@example.org")
}

fn post(path: &str) -> Request {
    Request::post(path, &json!({}))
}

/// The options for a new passkey.
async fn creation(node: &Node, who: &SignedIn) -> Value {
    let options = node.send(&Request::new("POST", "/auth/passkeys/options").by(who)).await;
    assert_eq!(options.status, 200, "{options:?}");
    options.json()
}

/// The options for a sign-in.
async fn request(node: &Node, body: Value) -> Value {
    let options = node.send(&Request::post("/auth/passkeys/login/options", &body)).await;
    assert_eq!(options.status, 200, "{options:?}");
    options.json()
}

fn adding(who: &SignedIn, credential: &Value) -> Request {
    Request::post("/auth/passkeys", &json!({ "credential": credential })).by(who)
}

fn login(credential: &Value) -> Request {
    Request::post("/auth/passkeys/login", &json!({ "credential": credential }))
}

/// Adds a passkey of this authenticator.
async fn add(node: &Node, who: &SignedIn, authenticator: &mut SoftAuthenticator) -> Answer {
    let made = authenticator.create(&creation(node, who).await).unwrap();
    let added = node.send(&adding(who, &made)).await;
    assert_eq!(added.status, 201, "{added:?}");
    added
}

/// A user with a passkey.
async fn enrolled(world: &World, person: &Person) -> (SignedIn, SoftAuthenticator) {
    let who = world.member(person).await;
    let mut authenticator = SoftAuthenticator::new(ORIGIN);
    add(world, &who, &mut authenticator).await;
    (who, authenticator)
}

fn claims(who: &SignedIn) -> Value {
    let part = who.access.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

async fn a_passkey_alone_signs_in_and_is_a_second_factor_after_the_password(world: &World) {
    let ada = ada();
    let (who, mut authenticator) = enrolled(world, &ada).await;
    for body in [json!({}), json!({ "email": "ADA@example.org" })] {
        let options = request(world, body.clone()).await;
        assert_eq!(options["userVerification"], "required");
        let used = authenticator.get(&options).unwrap();
        let strong = SignedIn::of(who.user, &world.send(&login(&used)).await);
        let claims = claims(&strong);
        assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal2"), &json!(["pop", "mfa"])), "{body}");
        assert!(world.knows(&strong).await);
    }
    let asked = world.send(&ada.login()).await;
    assert_eq!(asked.json()["methods"], json!(["passkey", "recovery_code"]));
    let challenge = challenge_of(&asked);
    let options = request(world, json!({ "challenge": challenge })).await;
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    // The password has verified the user.
    authenticator.user_verified = false;
    let used = authenticator.get(&options).unwrap();
    let body = json!({ "credential": used, "challenge": challenge });
    let strong = SignedIn::of(who.user, &world.send(&Request::post("/auth/passkeys/login", &body)).await);
    assert_eq!(claims(&strong)["amr"], json!(["pwd", "pop", "mfa"]));
    let again = world.send(&Request::post("/auth/passkeys/login", &body)).await;
    assert_eq!((again.status, again.problem().as_str()), (401, "passkey_refused"), "{again:?}");
}

/// ASVS 6.7.2
async fn a_response_is_accepted_once_however_often_it_is_sent(world: &World) {
    let ada = ada();
    let who = world.member(&ada).await;
    let mut authenticator = SoftAuthenticator::new(ORIGIN);
    let made = authenticator.create(&creation(world, &who).await).unwrap();
    let answers = world.send_all((0..8).map(|_| adding(&who, &made))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    for round in 0..10 {
        let used = authenticator.get(&request(world, json!({})).await).unwrap();
        let answers = world.send_all((0..4).map(|_| login(&used))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "round {round}: {answers:?}");
        let refused = answers.iter().filter(|answer| answer.status != 200);
        assert!(refused.into_iter().all(|answer| answer.problem() == "passkey_refused"), "{answers:?}");
    }
}

async fn a_ceremony_may_begin_at_one_node_and_end_at_another(world: &World) {
    world.work().await;
    let other = world.another_node(ProcessRole::Api, world.keys()).await;
    let who = world.member(&ada()).await;
    let mut authenticator = SoftAuthenticator::new(ORIGIN);
    let made = authenticator.create(&creation(&other, &who).await).unwrap();
    assert_eq!(world.send(&adding(&who, &made)).await.status, 201);
    for round in 0..10 {
        let used = authenticator.get(&request(world, json!({})).await).unwrap();
        let answers = [world.begin(login(&used)), other.begin(login(&used))];
        let mut sessions = 0;
        for answer in answers {
            sessions += usize::from(answer.await.unwrap().status == 200);
        }
        assert_eq!(sessions, 1, "round {round}");
    }
    other.stop().await;
}

async fn a_passkey_that_lies_or_is_a_copy_is_refused(world: &World) {
    let ada = ada();
    let (_, mut authenticator) = enrolled(world, &ada).await;
    let sessions = "select count(*) from auth_sessions";
    let before = world.count(sessions).await;
    type Change = fn(&mut SoftAuthenticator);
    let lies: [(&str, Change); 6] = [
        ("wrong_origin", |it| it.origin = "https://evil.example".to_owned()),
        ("cross_origin", |it| it.cross_origin = true),
        ("wrong_relying_party", |it| it.rp_id = Some("evil.example".to_owned())),
        ("user_not_present", |it| it.user_present = false),
        ("user_not_verified", |it| it.user_verified = false),
        ("wrong_type", |it| it.ceremony = Some("webauthn.create")),
    ];
    let restore: Change = |it| {
        ORIGIN.clone_into(&mut it.origin);
        (it.cross_origin, it.rp_id, it.user_present, it.user_verified, it.ceremony) = (false, None, true, true, None);
    };
    for (code, lie) in lies {
        lie(&mut authenticator);
        let used = authenticator.get(&request(world, json!({})).await).unwrap();
        restore(&mut authenticator);
        let refused = world.send(&login(&used)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (401, "passkey_refused"), "{code}: {refused:?}");
        let reasons =
            "select reason from auth_audit_events where action = 'sign_in' and outcome = 'refused' order by id";
        assert_eq!(world.texts(reasons).await.last().map(String::as_str), Some(code));
    }
    // Another user's handle.
    let mut used = authenticator.get(&request(world, json!({})).await).unwrap();
    used["response"]["userHandle"] = json!(BASE64.encode([7; 16]));
    assert_eq!(world.send(&login(&used)).await.problem(), "passkey_refused");
    // A signature for another challenge.
    let first = authenticator.get(&request(world, json!({})).await).unwrap();
    let mut used = authenticator.get(&request(world, json!({})).await).unwrap();
    used["response"]["clientDataJSON"] = first["response"]["clientDataJSON"].clone();
    assert_eq!(world.send(&login(&used)).await.problem(), "passkey_refused");
    // A copy of the authenticator is behind.
    (authenticator.counts, authenticator.counter) = (true, 10);
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    assert_eq!(world.send(&login(&used)).await.status, 200);
    authenticator.counter = 5;
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    assert_eq!(world.send(&login(&used)).await.problem(), "passkey_refused");
    assert_eq!(world.count(sessions).await, before + 1);
}

/// ASVS 6.5.6
async fn removing_a_passkey_lowers_other_sessions_and_the_passkey_is_unknown_from_then_on(world: &World) {
    let ada = ada();
    let (who, mut authenticator) = enrolled(world, &ada).await;
    let mut sign_in = async || {
        let used = authenticator.get(&request(world, json!({})).await).unwrap();
        world.send(&login(&used)).await
    };
    let [first, second] = [sign_in().await, sign_in().await].map(|answer| SignedIn::of(who.user, &answer));
    let list = world.send(&Request::get("/auth/passkeys").by(&first)).await.json();
    let id = list["data"][0]["id"].as_str().unwrap();
    let eve = world.member(&Person::new("eve@example.org")).await;
    let path = format!("/auth/passkeys/{id}");
    assert_eq!(world.send(&Request::new("DELETE", &path).by(&eve)).await.status, 404, "another user's");
    assert_eq!(world.send(&Request::new("DELETE", &path).by(&first)).await.status, 204);
    let sensitive = Request::new("POST", "/auth/totp").by(&second);
    assert_eq!(world.send(&sensitive).await.problem(), "step_up_required", "lowered");
    let unknown = sign_in().await;
    assert_eq!((unknown.status, unknown.problem().as_str()), (401, "passkey_unknown"), "{unknown:?}");
    assert_eq!(world.send(&ada.login()).await.status, 200, "the last factor is gone");
    let told = world.mails_to("ada@example.org", "factors_changed", 2).await;
    assert!(told[0].contains("passkey was added") && told[1].contains("was removed"), "{told:?}");
}

async fn a_passkey_is_registered_once_and_the_first_factor_brings_recovery_codes(world: &World) {
    let ada = ada();
    let who = world.member(&ada).await;
    let mut authenticator = SoftAuthenticator::new(ORIGIN);
    let options = creation(world, &who).await;
    assert_eq!((&options["rp"]["id"], &options["attestation"]), (&json!("localhost"), &json!("none")));
    let made = authenticator.create(&options).unwrap();
    let body = json!({ "credential": made, "name": "My phone" });
    let added = world.send(&Request::post("/auth/passkeys", &body).by(&who)).await;
    assert_eq!((added.status, added.json()["name"].as_str()), (201, Some("My phone")), "{added:?}");
    assert_eq!(added.json()["recovery_codes"].as_array().unwrap().len(), 10);
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    let strong = SignedIn::of(who.user, &world.send(&login(&used)).await);
    let options = creation(world, &strong).await;
    assert_eq!(authenticator.create(&options), Err("InvalidStateError"), "browsers are told which there are");
    let second = add(world, &strong, &mut SoftAuthenticator::new(ORIGIN)).await;
    assert!(second.json().get("recovery_codes").is_none(), "{second:?}");

    // A client that ignores the list is refused, also for another user.
    let eve = world.member(&Person::new("eve@example.org")).await;
    let mut other = SoftAuthenticator::new(ORIGIN);
    let mut theirs = other.create(&creation(world, &eve).await).unwrap();
    assert_eq!(world.send(&adding(&strong, &theirs)).await.problem(), "passkey_refused", "the challenge is eve's");
    theirs = other.create(&creation(world, &eve).await).unwrap();
    assert_eq!(world.send(&adding(&eve, &theirs)).await.status, 201);
    world.change("update auth_passkeys set user_id = (select user_id from auth_accounts where identifier = 'eve@example.org')").await;
    assert_eq!(world.count("select count(*) from auth_passkeys").await, 3);
}

async fn the_options_do_not_tell_which_addresses_have_an_account(world: &World) {
    let (_, _) = enrolled(world, &ada()).await;
    world.member(&Person::new("without@example.org")).await;
    let shape = |options: &Value| {
        let allowed = options["allowCredentials"].as_array().unwrap();
        let lengths: Vec<_> = allowed.iter().map(|it| it["id"].as_str().unwrap().len()).collect();
        (lengths, allowed[0]["transports"].clone(), allowed[0]["type"].clone())
    };
    let known = shape(&request(world, json!({ "email": "ada@example.org" })).await);
    for email in ["unknown@example.org", "without@example.org"] {
        let first = request(world, json!({ "email": email })).await;
        let second =
            request(world, json!({ "email": email.to_uppercase().replace("EXAMPLE.ORG", "example.org") })).await;
        assert_eq!(shape(&first), known, "{email}");
        assert_eq!(first["allowCredentials"], second["allowCredentials"], "always the same");
    }
}

async fn a_passkey_steps_a_session_up(world: &World) {
    let ada = ada();
    let (who, mut authenticator) = enrolled(world, &ada).await;
    let sensitive = || Request::new("POST", "/auth/recovery-codes").by(&who);
    assert_eq!(world.send(&sensitive()).await.problem(), "step_up_required");
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    let step_up = Request::post("/auth/step-up", &json!({ "credential": used }));
    let eve = world.member(&Person::new("eve@example.org")).await;
    assert_eq!(world.send(&step_up.clone().by(&eve)).await.problem(), "passkey_refused", "another user's");
    for (is_verified, status) in [(false, 401), (true, 204)] {
        authenticator.user_verified = is_verified;
        let used = authenticator.get(&request(world, json!({})).await).unwrap();
        let step_up = Request::post("/auth/step-up", &json!({ "credential": used }));
        assert_eq!(world.send(&step_up.by(&who)).await.status, status);
    }
    assert_eq!(world.send(&sensitive()).await.status, 200);
    let export = world.send(&Request::get(format!("/users/{}/export", who.user)).by(&who)).await.json();
    let passkeys = &export["data"]["auth"]["passkeys"];
    assert!(passkeys[0]["name"].is_string() && passkeys[0]["used_at"].is_string(), "{passkeys}");
}

async fn a_passkey_satisfies_an_installation_that_asks_for_a_second_factor(world: &World) {
    let ada = ada();
    let who = world.member(&ada).await;
    let node = world.node_with(|options| options.assurance.second_factor = SecondFactorPolicy::Everybody).await;
    let weak = node.sign_in(who.user, &ada).await;
    let me = Request::get("/users/me");
    assert_eq!(node.send(&me.clone().by(&weak)).await.problem(), "second_factor_enrolment_required");
    let mut authenticator = SoftAuthenticator::new(ORIGIN);
    add(&node, &weak, &mut authenticator).await;
    let used = authenticator.get(&request(&node, json!({})).await).unwrap();
    let strong = SignedIn::of(who.user, &node.send(&login(&used)).await);
    assert_eq!(node.send(&me.by(&strong)).await.status, 200);
    node.stop().await;
}

async fn nonsense_and_late_responses_are_refused_and_lose_nothing(world: &World) {
    let ada = ada();
    let (who, mut authenticator) = enrolled(world, &ada).await;
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    let with = |part: &str, value: Value| {
        let mut used = used.clone();
        used["response"][part] = value;
        used
    };
    let challenge = |challenge: &str| {
        let data = json!({ "type": "webauthn.get", "challenge": challenge, "origin": ORIGIN });
        json!(BASE64.encode(data.to_string()))
    };
    for nonsense in [
        json!({}),
        json!({ "id": 7 }),
        with("clientDataJSON", json!("not base64!")),
        with("clientDataJSON", json!(BASE64.encode("[]"))),
        with("clientDataJSON", challenge(&"A".repeat(4_096))),
        with("clientDataJSON", challenge("")),
        with("authenticatorData", json!(BASE64.encode([0x81; 10_000]))),
        with("authenticatorData", json!("")),
        with("signature", json!(BASE64.encode([0; 64]))),
    ] {
        let refused = world.send(&login(&nonsense)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (401, "passkey_refused"), "{nonsense}: {refused:?}");
    }
    for body in [json!({}), json!({ "credential": "text" }), json!({ "credential": [] })] {
        assert_eq!(world.send(&Request::post("/auth/passkeys/login", &body)).await.status, 422, "{body}");
    }
    // An attestation whose CBOR nests 10,000 deep.
    let strong_options = authenticator.get(&request(world, json!({})).await).unwrap();
    let strong = SignedIn::of(who.user, &world.send(&login(&strong_options)).await);
    let mut made = SoftAuthenticator::new(ORIGIN).create(&creation(world, &strong).await).unwrap();
    made["response"]["attestationObject"] = json!(BASE64.encode([0x81; 10_000]));
    let refused = world.send(&adding(&strong, &made)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (422, "passkey_refused"), "{refused:?}");

    let late = authenticator.get(&request(world, json!({})).await).unwrap();
    world.change(sql!("update auth_passkey_challenges set expires_at = {clock}")).await;
    // A flood of responses that answer no challenge writes nothing.
    let events = "select count(*) from auth_audit_events";
    let before = world.count(events).await;
    assert_eq!(world.send(&login(&late)).await.problem(), "passkey_refused", "five minutes");
    let step_up = Request::post("/auth/step-up", &json!({ "credential": late })).by(&strong);
    assert_eq!(world.send(&step_up).await.problem(), "passkey_refused");
    assert_eq!(world.send(&login(&used)).await.problem(), "passkey_refused", "used before");
    assert_eq!(world.count(events).await, before);
    auth_infrastructure::tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count("select count(*) from auth_passkey_challenges").await, 0);
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    assert_eq!(world.send(&login(&used)).await.status, 200);
}

async fn without_a_domain_there_are_no_passkeys(world: &World) {
    let origins = world.get("/.well-known/webauthn").await;
    assert_eq!(origins.json(), json!({ "origins": [ORIGIN] }));
    assert_eq!(world.get("/.well-known/passkey-endpoints").await.json(), json!({}));
    let node = world.node_with(|options| options.passkeys = None).await;
    let options = node.send(&post("/auth/passkeys/login/options")).await;
    assert_eq!((options.status, options.problem().as_str()), (503, "passkeys_not_configured"), "{options:?}");
    assert_eq!(node.get("/.well-known/webauthn").await.status, 404);
    node.stop().await;
}

async fn passkeys_are_listed_erased_and_removed_with_all_factors(world: &World) {
    let ada = ada();
    let (who, mut authenticator) = enrolled(world, &ada).await;
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    let strong = SignedIn::of(who.user, &world.send(&login(&used)).await);
    let passkey = &world.send(&Request::get("/auth/passkeys").by(&strong)).await.json()["data"][0];
    assert_eq!((&passkey["name"], &passkey["is_backed_up"]), (&json!("Passkey"), &json!(true)));
    assert!(passkey["used_at"].is_string(), "{passkey}");
    let boss = world.administrator("boss@example.org").await;
    let reason = json!({ "reason": "lost the phone" }).to_string();
    let reset = Request::new("DELETE", format!("/users/{}/factors", who.user)).body("application/json", reason);
    assert_eq!(world.send(&reset.by(&boss)).await.status, 204);
    assert_eq!(world.count("select count(*) from auth_passkeys").await, 0);
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    assert_eq!(world.send(&login(&used)).await.problem(), "passkey_unknown");
    let mails = world.mails_to("ada@example.org", "reset_password", 1).await;
    let set = json!({ "token": token_in(&mails[0]), "password": "another horse, another staple" });
    assert_eq!(world.send(&Request::post("/auth/password/reset", &set)).await.status, 204);

    let eve = Person::new("eve@example.org");
    let (who, mut authenticator) = enrolled(world, &eve).await;
    let used = authenticator.get(&request(world, json!({})).await).unwrap();
    let strong = SignedIn::of(who.user, &world.send(&login(&used)).await);
    let body = json!({ "current_password": eve.password }).to_string();
    let erase = Request::new("DELETE", format!("/users/{}", who.user)).body("application/json", body);
    world.done(&erase.by(&strong)).await;
    world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
    assert_eq!(world.count("select count(*) from auth_passkeys").await, 0);
}
