//! Authenticator apps and recovery codes: enrolling, signing in, losing them.

use acceptance::smtp::token_in;
use acceptance::{
    Answer, Authenticator, Node, Person, Request, SignedIn, World, challenge_of, in_each_database, in_each_idle_world,
    in_one_world, in_shared_worlds, second_factor, step_up,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use persistence::sql;
use roster::compose::ProcessRole;
use serde_json::{Value, json};

in_each_database! {
    a_user_with_an_app_signs_in_with_the_password_and_a_code,
    a_code_is_good_for_one_of_many_requests_at_once,
    of_fifty_uses_of_a_recovery_code_one_opens_a_session,
    a_challenge_ends_with_its_time_its_use_a_new_password_a_change_of_factors_and_a_deactivation,
    an_administrator_removes_the_factors_of_a_user_who_then_signs_in_by_a_mail,
    the_user_is_told_of_every_change_of_factors,
}

in_shared_worlds! {
    a_code_is_good_for_one_of_two_nodes,
}

in_each_idle_world! {
    wrong_codes_count_for_the_user_across_challenges_and_nodes,
    the_second_factor_gives_the_guess_at_the_password_back,
}

in_one_world! {
    codes_of_the_neighbouring_steps_work_and_none_does_after_a_later_one,
    codes_are_taken_as_people_type_them_and_nonsense_is_refused,
    an_app_is_enrolled_once_and_a_begun_enrolment_expires,
    a_wrong_code_leaves_the_challenge_and_several_challenges_are_open_at_once,
    a_forgotten_password_does_not_skip_the_second_factor,
    a_reset_needs_a_reason_mail_and_another_administrator,
    the_last_administrator_keeps_a_way_in,
    factors_are_listed_exported_and_erased,
}

const ROUNDS: usize = 10;

fn ada() -> Person {
    Person::new("ada@example.org")
}

/// A user with an authenticator app.
async fn enrolled(world: &World, person: &Person) -> (SignedIn, Authenticator) {
    let who = world.member(person).await;
    let app = world.enrol(&who).await;
    world.forget_used_codes().await;
    (who, app)
}

async fn challenge(node: &Node, person: &Person) -> String {
    challenge_of(&node.send(&person.login()).await)
}

/// The claims of an access token.
fn claims(who: &SignedIn) -> Value {
    let part = who.access.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

fn codes_of(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_value(answer.json()["recovery_codes"].clone()).unwrap()
}

/// How many of the answers are a session; all others MUST refuse the code.
fn sessions(answers: &[Answer]) -> usize {
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        let why = refused.problem();
        assert!(refused.status == 401 && ["wrong_code", "challenge_invalid"].contains(&&*why), "{refused:?}");
    }
    answers.iter().filter(|answer| answer.status == 200).count()
}

/// ASVS 6.3.3, 6.5.1
async fn a_user_with_an_app_signs_in_with_the_password_and_a_code(world: &World) {
    let ada = ada();
    let who = world.member(&ada).await;
    let before = claims(&who);
    assert_eq!((&before["acr"], &before["amr"]), (&json!("aal1"), &json!(["pwd"])));
    let app = world.enrol(&who).await;
    assert_eq!(app.recovery_codes.len(), 10);
    world.forget_used_codes().await;

    let asked = world.send(&ada.login()).await;
    assert_eq!(asked.json()["methods"], json!(["totp", "recovery_code"]));
    assert!(asked.header("www-authenticate").is_some_and(|it| it.starts_with("Bearer")), "{asked:?}");
    let wrong = ada.clone().with_password("not the password of ada");
    assert_eq!(world.send(&wrong.login()).await.problem(), "wrong_credentials", "the password comes first");

    let challenge = challenge_of(&asked);
    let strong = SignedIn::of(who.user, &world.send(&second_factor(&challenge, &app.code())).await);
    let after = claims(&strong);
    assert_eq!((&after["acr"], &after["amr"]), (&json!("aal2"), &json!(["pwd", "otp", "mfa"])));
    assert!(after["auth_time"].as_i64().unwrap() >= before["auth_time"].as_i64().unwrap());
    assert!(world.knows(&strong).await);
    let again = world.send(&second_factor(&challenge, &app.code())).await;
    assert_eq!((again.status, again.problem().as_str()), (401, "challenge_invalid"), "used");
    let refreshed = SignedIn::of(who.user, &world.send(&strong.refreshing()).await);
    assert_eq!(claims(&refreshed)["acr"], "aal2");

    let removed = world.send(&Request::new("DELETE", "/auth/totp").by(&strong)).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    assert_eq!(world.send(&ada.login()).await.status, 200);
    assert_eq!(world.count("select count(*) from auth_recovery_codes").await, 0);
}

async fn a_code_is_good_for_one_of_many_requests_at_once(world: &World) {
    let ada = ada();
    let (_, app) = enrolled(world, &ada).await;
    for round in 0..ROUNDS {
        world.forget_used_codes().await;
        let mut requests = Vec::new();
        let code = app.code();
        for _ in 0..4 {
            requests.push(second_factor(&challenge(world, &ada).await, &code));
        }
        assert_eq!(sessions(&world.send_all(requests).await), 1, "round {round}");
    }
}

async fn a_code_is_good_for_one_of_two_nodes(world: &World) {
    world.work().await;
    let ada = ada();
    let (_, app) = enrolled(world, &ada).await;
    let other = world.another_node(ProcessRole::Api, world.keys()).await;
    for round in 0..ROUNDS {
        world.forget_used_codes().await;
        let code = app.code();
        let (here, there) = (challenge(world, &ada).await, challenge(&other, &ada).await);
        // A challenge of one node is known to the other.
        let answers = [world.begin(second_factor(&there, &code)), other.begin(second_factor(&here, &code))];
        let mut got = Vec::new();
        for answer in answers {
            got.push(answer.await.unwrap());
        }
        assert_eq!(sessions(&got), 1, "round {round}");
    }
    other.stop().await;
}

/// ASVS 6.4.4, 6.5.1, 6.5.2
async fn of_fifty_uses_of_a_recovery_code_one_opens_a_session(world: &World) {
    let ada = ada();
    let (who, app) = enrolled(world, &ada).await;
    let code = &app.recovery_codes[3];
    let mut requests = Vec::new();
    for _ in 0..50 {
        requests.push(second_factor(&challenge(world, &ada).await, code));
    }
    assert_eq!(sessions(&world.send_all(requests).await), 1);
    let strong = world.sign_in_with(&who, &ada, &app.recovery_codes[4].to_lowercase().replace('-', " ")).await;
    let factors = world.send(&Request::get("/auth/factors").by(&strong)).await.json();
    assert_eq!(factors["recovery_codes_left"], 8, "{factors}");
    let renewed = codes_of(&world.send(&Request::new("POST", "/auth/recovery-codes").by(&strong)).await);
    let old = world.send(&second_factor(&challenge(world, &ada).await, &app.recovery_codes[5])).await;
    assert_eq!(old.problem(), "wrong_code", "renewed");
    world.sign_in_with(&who, &ada, &renewed[0]).await;
    let stored = world.texts("select 'x' from auth_recovery_codes").await;
    assert_eq!(stored.len(), 9);
}

async fn codes_of_the_neighbouring_steps_work_and_none_does_after_a_later_one(world: &World) {
    let ada = ada();
    let (who, app) = enrolled(world, &ada).await;
    let next = app.code_in(1);
    for code in [&app.code_in(-3), &app.code_in(3)] {
        let refused = world.send(&second_factor(&challenge(world, &ada).await, code)).await;
        assert_eq!(refused.problem(), "wrong_code", "a clock that is off");
    }
    world.sign_in_with(&who, &ada, &next).await;
    for code in [&next, &app.code(), &app.code_in(-1)] {
        let refused = world.send(&second_factor(&challenge(world, &ada).await, code)).await;
        assert_eq!(refused.problem(), "wrong_code", "used, or earlier than the used one");
    }
    world.forget_used_codes().await;
    world.sign_in_with(&who, &ada, &app.code()).await;
}

async fn codes_are_taken_as_people_type_them_and_nonsense_is_refused(world: &World) {
    let ada = ada();
    let (who, app) = enrolled(world, &ada).await;
    let wide = |code: &str| -> String {
        code.chars().map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap()).collect()
    };
    for spelt in [|code: &str| format!(" {} {} ", &code[..3], &code[3..]), |code: &str| code.to_owned()] {
        world.forget_used_codes().await;
        world.sign_in_with(&who, &ada, &spelt(&app.code())).await;
    }
    world.forget_used_codes().await;
    world.sign_in_with(&who, &ada, &wide(&app.code())).await;
    let challenge = challenge(world, &ada).await;
    for code in ["", "12345", "1234567", "٣٣٣٣٣٣", "abcdef", &"1".repeat(100)] {
        let refused = world.send(&second_factor(&challenge, code)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid_request"), "{code}: {refused:?}");
    }
    for challenge in ["x".to_owned(), "rc_".to_owned(), "x".repeat(4_096)] {
        let refused = world.send(&second_factor(&challenge, "123456")).await;
        assert!([401, 422].contains(&refused.status), "{refused:?}");
    }
    world.forget_used_codes().await;
    assert_eq!(world.send(&second_factor(&challenge, &app.code())).await.status, 200, "nothing was lost");
}

async fn an_app_is_enrolled_once_and_a_begun_enrolment_expires(world: &World) {
    let who = world.member(&ada()).await;
    let confirm = |app: &Authenticator| Request::post("/auth/totp/confirm", &json!({ "code": app.code() })).by(&who);
    let begin = Request::new("POST", "/auth/totp").by(&who);
    let first = world.send(&begin).await.json();
    let second = world.send(&begin).await.json();
    let [first, second] = [&first, &second].map(|it| Authenticator::with_secret(it["secret"].as_str().unwrap()));
    assert_eq!(world.send(&confirm(&first)).await.problem(), "wrong_code", "replaced by the second");
    let hour = sql!("update auth_totp set begun_at = {clock} - {61 min}");
    world.change(hour).await;
    let late = world.send(&confirm(&second)).await;
    assert_eq!((late.status, late.problem().as_str()), (409, "totp_not_begun"), "{late:?}");
    assert_eq!(world.send(&ada().login()).await.status, 200, "a begun enrolment does not count");
    let app = world.enrol(&who).await;
    let again = world.send(&begin).await;
    assert_eq!(again.problem(), "step_up_required", "adding a factor is no sign-in with it: {again:?}");
    world.forget_used_codes().await;
    assert_eq!(world.send(&step_up(&app.code()).by(&who)).await.status, 204);
    let again = world.send(&begin).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "totp_enrolled"), "{again:?}");
    let codes = world.send(&Request::new("POST", "/auth/recovery-codes").by(&who)).await;
    assert_eq!(codes.status, 200);
    let eve = world.member(&Person::new("eve@example.org")).await;
    let none = world.send(&Request::new("POST", "/auth/recovery-codes").by(&eve)).await;
    assert_eq!((none.status, none.problem().as_str()), (409, "no_second_factor"), "{none:?}");
}

async fn a_wrong_code_leaves_the_challenge_and_several_challenges_are_open_at_once(world: &World) {
    let ada = ada();
    let (_, app) = enrolled(world, &ada).await;
    let [first, second] = [challenge(world, &ada).await, challenge(world, &ada).await];
    for challenge in [&first, &second, &first] {
        assert_eq!(world.send(&second_factor(challenge, "000000")).await.problem(), "wrong_code");
    }
    for challenge in [&second, &first] {
        world.forget_used_codes().await;
        assert_eq!(world.send(&second_factor(challenge, &app.code())).await.status, 200);
    }
}

/// ASVS 6.6.3
async fn wrong_codes_count_for_the_user_across_challenges_and_nodes(world: &World) {
    world.work().await;
    let ada = ada();
    let (who, app) = enrolled(world, &ada).await;
    let nodes = [world.limited_node("").await, world.limited_node("").await];
    for round in 0..10 {
        let node = &nodes[round % 2];
        let refused = node.send(&second_factor(&challenge(world, &ada).await, "000000")).await;
        assert_eq!(refused.problem(), "wrong_code", "round {round}");
    }
    for node in &nodes {
        let refused = node.send(&second_factor(&challenge(world, &ada).await, &app.code())).await;
        assert_eq!((refused.status, refused.problem().as_str()), (429, "too_many_requests"), "{refused:?}");
        let refused = node.send(&step_up(&app.code()).by(&who)).await;
        assert_eq!(refused.status, 429, "the same count: {refused:?}");
    }
    for node in nodes {
        node.stop().await;
    }
}

async fn the_second_factor_gives_the_guess_at_the_password_back(world: &World) {
    world.work().await;
    let ada = ada();
    let (_, app) = enrolled(world, &ada).await;
    let node = world.limited_node("").await;
    // Ten wrong passwords in a row are refused; more right ones than that are not.
    for round in 0..25 {
        world.forget_used_codes().await;
        let challenge = challenge(&node, &ada).await;
        let signed_in = node.send(&second_factor(&challenge, &app.code())).await;
        assert_eq!(signed_in.status, 200, "round {round}: {signed_in:?}");
    }
    // A right password without the code stays counted.
    let mut answers = Vec::new();
    for _ in 0..30 {
        answers.push(node.send(&ada.login()).await);
    }
    assert!(answers.iter().any(|answer| answer.status == 429), "{answers:?}");
    node.stop().await;
}

async fn a_challenge_ends_with_its_time_its_use_a_new_password_a_change_of_factors_and_a_deactivation(world: &World) {
    let ada = ada();
    let (who, app) = enrolled(world, &ada).await;
    let boss = world.administrator("boss@example.org").await;
    let refused = async |challenge: &str, why: &str| {
        world.forget_used_codes().await;
        let refused = world.send(&second_factor(challenge, &app.code())).await;
        assert_eq!((refused.status, refused.problem().as_str()), (401, "challenge_invalid"), "{why}: {refused:?}");
    };
    let late = challenge(world, &ada).await;
    world.change(sql!("update auth_challenges set expires_at = {clock}")).await;
    refused(&late, "five minutes").await;
    auth_infrastructure::tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count("select count(*) from auth_challenges").await, 0);

    let before = challenge(world, &ada).await;
    let strong = world.sign_in_with(&who, &ada, &app.code()).await;
    assert_eq!(world.send(&Request::new("POST", "/auth/recovery-codes").by(&strong)).await.status, 200);
    refused(&before, "changed factors").await;

    let before = challenge(world, &ada).await;
    let new = json!({ "current_password": ada.password, "new_password": "another horse, another staple" });
    assert_eq!(world.send(&Request::post("/auth/password", &new).by(&strong)).await.status, 204);
    refused(&before, "a new password").await;

    let ada = ada.with_password("another horse, another staple");
    let before = challenge(world, &ada).await;
    world.deactivate(&who, &boss).await;
    refused(&before, "deactivated").await;
}

/// ASVS 6.4.4
async fn an_administrator_removes_the_factors_of_a_user_who_then_signs_in_by_a_mail(world: &World) {
    let ada = ada();
    let (who, app) = enrolled(world, &ada).await;
    let boss = world.administrator("boss@example.org").await;
    let reason = json!({ "reason": "lost the phone, called back" });
    let path = format!("/users/{}/factors", who.user);
    let reset = Request::new("DELETE", path).body("application/json", reason.to_string());
    assert_eq!(world.send(&reset.clone().by(&who)).await.status, 403);
    let done = world.send(&reset.by(&boss)).await;
    assert_eq!(done.status, 204, "{done:?}");
    assert!(!world.knows(&who).await, "all sessions have ended");
    assert_eq!(world.send(&ada.login()).await.problem(), "wrong_credentials", "the password does not work any more");
    let mails = world.mails_to("ada@example.org", "reset_password", 1).await;
    let new = "another horse, another staple";
    let set = json!({ "token": token_in(&mails[0]), "password": new });
    assert_eq!(world.send(&Request::post("/auth/password/reset", &set)).await.status, 204);
    let signed_in = world.send(&ada.with_password(new).login()).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    assert_eq!(app.recovery_codes.len(), 10);
    let recorded = "select actor || ' ' || coalesce(note, '') from auth_audit_events where action = 'factors.reset'";
    let expected = format!("user:{} lost the phone, called back", boss.user);
    assert_eq!(world.texts(recorded).await, [expected]);
}

/// ASVS 6.4.3
async fn a_forgotten_password_does_not_skip_the_second_factor(world: &World) {
    let ada = ada();
    let (who, app) = enrolled(world, &ada).await;
    let forgot = Request::post("/auth/password/forgot", &json!({ "email": ada.email }));
    assert_eq!(world.send(&forgot).await.status, 202);
    let mails = world.mails_to("ada@example.org", "reset_password", 1).await;
    let new = "another horse, another staple";
    let set = json!({ "token": token_in(&mails[0]), "password": new });
    assert_eq!(world.send(&Request::post("/auth/password/reset", &set)).await.status, 204);
    assert!(!world.knows(&who).await);
    world.sign_in_with(&who, &ada.with_password(new), &app.code()).await;
}

async fn a_reset_needs_a_reason_mail_and_another_administrator(world: &World) {
    let boss = world.administrator("boss@example.org").await;
    let ada = world.member(&ada()).await;
    let reset = |who: &SignedIn, body: Value| {
        let path = format!("/users/{}/factors", who.user);
        Request::new("DELETE", path).body("application/json", body.to_string()).by(&boss)
    };
    for body in [json!({}), json!({ "reason": " " })] {
        assert_eq!(world.send(&reset(&ada, body)).await.status, 422);
    }
    let reason = json!({ "reason": "lost the phone" });
    let last = world.send(&reset(&boss, reason.clone())).await;
    assert_eq!((last.status, last.problem().as_str()), (409, "last_administrator"), "{last:?}");
    let unknown = SignedIn { user: uuid::Uuid::from_u128(7), ..ada.clone() };
    assert_eq!(world.send(&reset(&unknown, reason.clone())).await.status, 404);
    let node = world.node_without_mail().await;
    let without = node.send(&reset(&ada, reason)).await;
    assert_eq!((without.status, without.problem().as_str()), (503, "mail_not_configured"), "{without:?}");
    assert!(world.knows(&ada).await);
    node.stop().await;
}

async fn the_last_administrator_keeps_a_way_in(world: &World) {
    let boss = world.administrator("boss@example.org").await;
    let person = Person::new("boss@example.org");
    let app = world.enrol(&boss).await;
    world.forget_used_codes().await;
    assert_eq!(world.send(&step_up(&app.code()).by(&boss)).await.status, 204);
    assert_eq!(world.send(&Request::new("DELETE", "/auth/totp").by(&boss)).await.status, 204);
    assert_eq!(world.send(&person.login()).await.status, 200);
}

async fn factors_are_listed_exported_and_erased(world: &World) {
    let ada = ada();
    let who = world.member(&ada).await;
    let none = world.send(&Request::get("/auth/factors").by(&who)).await.json();
    assert_eq!(
        none,
        json!({ "has_password": true, "totp_enrolled_at": null, "passkeys": 0, "recovery_codes_left": 0 })
    );
    let app = world.enrol(&who).await;
    let factors = world.send(&Request::get("/auth/factors").by(&who)).await.json();
    assert!(factors["totp_enrolled_at"].is_string() && factors["recovery_codes_left"] == 10, "{factors}");
    let export = world.send(&Request::get(format!("/users/{}/export", who.user)).by(&who)).await;
    let account = &export.json()["data"]["auth"];
    assert!(account["totp_enrolled_at"].is_string() && account["recovery_codes_left"] == 10, "{account}");
    for code in &app.recovery_codes {
        assert!(!export.body.contains(code.as_str()));
    }
    world.forget_used_codes().await;
    let strong = world.sign_in_with(&who, &ada, &app.code()).await;
    challenge(world, &ada).await;
    let body = json!({ "current_password": ada.password }).to_string();
    let erase = Request::new("DELETE", format!("/users/{}", who.user)).body("application/json", body);
    world.done(&erase.by(&strong)).await;
    world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
    for table in [
        "select count(*) from auth_totp",
        "select count(*) from auth_recovery_codes",
        "select count(*) from auth_challenges",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

/// ASVS 6.3.7
async fn the_user_is_told_of_every_change_of_factors(world: &World) {
    let ada = ada();
    let (who, app) = enrolled(world, &ada).await;
    let strong = world.sign_in_with(&who, &ada, &app.recovery_codes[0]).await;
    assert_eq!(world.send(&Request::new("POST", "/auth/recovery-codes").by(&strong)).await.status, 200);
    assert_eq!(world.send(&Request::new("DELETE", "/auth/totp").by(&strong)).await.status, 204);
    let told = world.mails_to("ada@example.org", "factors_changed", 4).await;
    for (told, words) in told.iter().zip(["was added", "9 left", "new recovery codes", "was removed"]) {
        assert!(told.contains(words), "{words}: {told}");
    }
}
