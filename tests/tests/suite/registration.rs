//! Who may register: anyone, persons who confirm their address by mail, invited persons, or no one.

use acceptance::smtp::token_in;
use acceptance::{
    Answer, Node, Person, Request, World, in_each_world, in_one_idle_world, in_one_world, in_shared_worlds,
};
use identity::UserId;
use kernel::MessageId;
use serde_json::{Value, json};
use users_infrastructure::RegistrationMode;

in_each_world! {
    a_registration_is_confirmed_by_mail_before_there_is_a_user,
    known_and_unknown_addresses_get_the_same_answers,
    fifty_confirmations_at_once_create_one_user,
    each_of_two_pending_registrations_of_an_address_can_be_confirmed,
    an_address_that_was_registered_meanwhile_is_refused_to_its_owner_alone,
    pending_registrations_expire_and_are_deleted,
}

in_one_world! {
    closed_and_invited_refuse_a_registration_before_any_work,
    a_scanner_that_follows_the_link_consumes_nothing,
    the_page_of_the_link_works_without_javascript,
    a_password_that_breaks_the_policy_does_not_use_the_token_up,
    tokens_that_do_not_work_are_refused_alike,
    a_password_is_optional_and_checked_if_it_is_sent,
    a_repeated_confirmation_with_its_key_is_recognised,
    an_erased_user_leaves_no_pending_registration,
}

in_one_idle_world! {
    without_mail_no_registration_can_be_verified,
    one_address_may_try_thirty_unknown_tokens,
}

in_shared_worlds! {
    one_process_takes_the_registration_and_another_confirms_it,
}

const USERS: &str = "select count(*) from users_users";

fn ada() -> Person {
    Person::new("ada@example.org").called("Ada Lovelace")
}

fn confirming(token: &str, password: &str) -> Request {
    Request::post("/users/confirm", &json!({ "token": token, "password": password }))
}

async fn verified(world: &World) -> Node {
    world.node_with_registration(RegistrationMode::Verified).await
}

/// Asks to register, and returns the token of the latest mail to the address.
pub(super) async fn requested(world: &World, node: &Node, person: &Person) -> String {
    let command = node.outcome(&node.send(&person.sign_up()).await).await;
    assert_eq!(command["status"], "succeeded", "{command}");
    token_in(world.mails("confirm_registration", &person.email).await.last().unwrap())
}

fn refused_token(answer: &Answer) {
    assert_eq!((answer.status, answer.problem().as_str()), (422, "token_invalid"), "{answer:?}");
    assert_eq!(answer.violations(), [("/token".to_owned(), "token_invalid".to_owned())]);
}

async fn closed_and_invited_refuse_a_registration_before_any_work(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let commands = "select count(*) from ledger_messages where name like 'users.re%'";
    let before = world.count(commands).await;
    for (mode, code) in
        [(RegistrationMode::Closed, "registration_closed"), (RegistrationMode::Invited, "registration_by_invitation")]
    {
        let node = world.node_with_registration(mode).await;
        for request in [ada().sign_up(), ada().sign_up().by(&admin), ada().with_password("short").sign_up()] {
            let answer = node.send(&request).await;
            assert_eq!((answer.status, answer.problem().as_str()), (403, code), "{answer:?}");
        }
        node.stop().await;
    }
    assert_eq!(world.count(commands).await, before);
}

async fn a_registration_is_confirmed_by_mail_before_there_is_a_user(world: &World) {
    let node = verified(world).await;
    let id = UserId::random().as_uuid();
    let sent = node.send(&ada().with_id(id).sign_up().wait(30)).await;
    assert_eq!((sent.status, sent.header("location")), (200, None), "{sent:?}");
    assert_eq!(sent.header("preference-applied"), Some("wait=30"));
    let command = sent.json();
    assert_eq!((&command["type"], &command["status"]), (&json!("users.request_registration.v1"), &json!("succeeded")));
    assert_eq!(node.get(&format!("/users/{id}")).await.status, 404);
    let mails = world.mails("confirm_registration", "ada@example.org").await;
    assert_eq!(mails.len(), 1);
    for nothing in ["select count(*) from users_users", "select count(*) from auth_credentials"] {
        assert_eq!(world.count(nothing).await, 0, "{nothing}");
    }
    assert_eq!(node.send(&ada().login()).await.problem(), "wrong_credentials");

    let other = "ein anderes langes Kennwort";
    let confirmed = node.send(&confirming(&token_in(&mails[0]), other)).await;
    assert_eq!(confirmed.status, 201, "{confirmed:?}");
    assert_eq!(confirmed.header("location"), Some(format!("/users/{id}").as_str()));
    assert_eq!(confirmed.header("preference-applied"), None, "the client did not ask to wait");
    assert_eq!(confirmed.json()["name"], "Ada Lovelace");
    assert_eq!(node.send(&ada().login()).await.status, 401, "the password of the first request was dropped");
    let here = node.sign_in(id, &ada().with_password(other)).await;
    let me = node.send(&Request::get("/users/me").by(&here)).await.json();
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("ada@example.org"), &json!(true)), "{me}");
    assert_eq!(world.count("select count(*) from auth_accounts where email_verified").await, 1);
    refused_token(&node.send(&confirming(&token_in(&mails[0]), other)).await);
    let kept = "select count(*) from users_pending_registrations where email is not null or name is not null";
    assert_eq!(world.count(kept).await, 0);
    node.stop().await;
}

/// A body without the ids and times, which differ in every answer.
fn comparable(mut body: Value) -> Value {
    for field in ["id", "accepted_at", "finished_at", "instance", "trace_id"] {
        if let Some(value) = body.get_mut(field) {
            *value = json!("…");
        }
    }
    if let Some(target) = body.get_mut("target") {
        target["id"] = json!("…");
        target["href"] = json!("…");
    }
    body
}

/// The status, the names and values of the headers, and the body, without ids and times.
fn appearance(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let differs = ["date", "x-request-id", "traceparent", "location"];
    let headers = answer.head.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(name, value)| {
        let value = if differs.contains(&name.to_ascii_lowercase().as_str()) { "…" } else { value };
        (name.to_owned(), value.to_owned())
    });
    (answer.status, headers.collect(), comparable(answer.json()))
}

/// ASVS 6.3.8
async fn known_and_unknown_addresses_get_the_same_answers(world: &World) {
    let node = verified(world).await;
    world.register(&Person::new("Known@example.org")).await;
    let mut seen = Vec::new();
    for email in ["KNOWN@example.org", "unknown@example.org"] {
        let id = UserId::random().as_uuid();
        let person = Person::new(email).with_id(id);
        let accepted = node.send(&person.sign_up()).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        let outcome = node.outcome(&accepted).await;
        world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
        let command = node.command(&accepted).await;
        assert_eq!((&outcome["status"], &command["status"]), (&json!("succeeded"), &json!("succeeded")));
        let waited = node.send(&Person::new(email).sign_up().wait(30)).await;
        assert_eq!(waited.status, 200, "{waited:?}");
        let again = node.send(&person.sign_up().wait(30)).await;
        assert_eq!((again.status, again.problem().as_str()), (409, "id_taken"), "{again:?}");
        let user = node.get(&format!("/users/{id}")).await;
        let weak = node.send(&Person::new(email).with_password("short").sign_up()).await;
        let answers = [&accepted, &waited, &again, &user, &weak].map(appearance);
        seen.push((answers, comparable(command)));
    }
    assert_eq!(seen[0], seen[1]);
    let known = world.mails("already_registered", "Known@example.org").await;
    assert_eq!(known.len(), 2, "one mail for each request, to the address as it is stored");
    assert!(known.iter().all(|mail| !mail.contains("token=")), "{known:?}");
    assert_eq!(world.mails("confirm_registration", "unknown@example.org").await.len(), 2);
    assert_eq!(world.count("select count(*) from mail_mails").await, 4);
    node.stop().await;
}

async fn fifty_confirmations_at_once_create_one_user(world: &World) {
    let node = verified(world).await;
    let token = requested(world, &node, &ada()).await;
    let answers = node.send_all((0..50).map(|_| confirming(&token, &ada().password))).await;
    let confirmed = answers.iter().filter(|answer| answer.status == 201).count();
    answers.iter().filter(|answer| answer.status != 201).for_each(refused_token);
    assert_eq!((confirmed, world.count(USERS).await), (1, 1));
    assert!(world.verify("ada@example.org", &ada().password).await.is_some());
    node.stop().await;
}

async fn each_of_two_pending_registrations_of_an_address_can_be_confirmed(world: &World) {
    let node = verified(world).await;
    let stranger = requested(world, &node, &ada().called("A Stranger")).await;
    let own = requested(world, &node, &ada()).await;
    assert_ne!(stranger, own, "a stranger cannot block a registration");
    let confirmed = node.send(&confirming(&own, &ada().password)).await;
    assert_eq!((confirmed.status, &confirmed.json()["name"]), (201, &json!("Ada Lovelace")), "{confirmed:?}");
    refused_token(&node.send(&confirming(&stranger, &ada().password)).await);
    assert_eq!(world.count("select count(*) from users_pending_registrations where email is not null").await, 0);
    node.stop().await;
}

async fn an_address_that_was_registered_meanwhile_is_refused_to_its_owner_alone(world: &World) {
    let node = verified(world).await;
    let token = requested(world, &node, &ada()).await;
    world.register(&Person::new("ADA@example.org")).await;
    let refused = node.send(&confirming(&token, &ada().password)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "email_taken"), "{refused:?}");
    assert_eq!(world.count(USERS).await, 1);
    node.stop().await;
}

async fn pending_registrations_expire_and_are_deleted(world: &World) {
    let node = verified(world).await;
    let token = requested(world, &node, &ada()).await;
    world.register(&Person::new("known@example.org")).await;
    node.outcome(&node.send(&Person::new("known@example.org").sign_up()).await).await;
    assert_eq!(world.count("select count(*) from users_pending_registrations").await, 2);
    world.change("update users_pending_registrations set expires_at = created_at").await;
    refused_token(&node.send(&confirming(&token, &ada().password)).await);
    world.until("select count(*) from users_pending_registrations", 0).await;
    refused_token(&node.send(&confirming(&token, &ada().password)).await);
    node.stop().await;
}

async fn a_scanner_that_follows_the_link_consumes_nothing(world: &World) {
    let node = verified(world).await;
    let token = requested(world, &node, &ada()).await;
    let link = format!("/confirm?token={token}");
    for _ in 0..50 {
        assert_eq!(node.get(&link).await.status, 200);
        assert_eq!(node.send(&Request::new("HEAD", &link)).await.status, 200);
    }
    assert_eq!(world.count(USERS).await, 0);
    assert_eq!(node.send(&confirming(&token, &ada().password)).await.status, 201);
    node.stop().await;
}

fn form(path: &str, token: &str, password: &str) -> Request {
    let kind = "application/x-www-form-urlencoded";
    Request::new("POST", path).body(kind, format!("token={token}&password={}", password.replace(' ', "+")))
}

async fn the_page_of_the_link_works_without_javascript(world: &World) {
    let node = verified(world).await;
    let token = requested(world, &node, &ada()).await;
    let page = node.get(&format!("/confirm?token={token}")).await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")), "{page:?}");
    assert!(
        page.body.contains(&token) && page.body.contains("<form method=\"post\"") && !page.body.contains("<script")
    );
    let short = node.send(&form("/confirm", &token, "short")).await;
    assert_eq!(short.status, 422, "{short:?}");
    assert!(short.body.contains("<li>The password must") && short.body.contains(&token), "{short:?}");
    let done = node.send(&form("/confirm", &token, "a long password for a form")).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.body.contains("You can sign in now"), "{done:?}");
    assert!(world.verify("ada@example.org", "a long password for a form").await.is_some());
    let used = node.send(&form("/confirm", &token, "a long password for a form")).await;
    assert!(used.status == 422 && used.body.contains("was used"), "{used:?}");
    node.stop().await;
}

async fn a_password_that_breaks_the_policy_does_not_use_the_token_up(world: &World) {
    let node = verified(world).await;
    let token = requested(world, &node, &ada()).await;
    for (password, code) in [
        ("short", "password_too_short"),
        ("ada@example.org ada", "password_contains_email"),
        ("Ada Lovelace Ada", "password_contains_name"),
    ] {
        let refused = node.send(&confirming(&token, password)).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.violations().contains(&("/password".to_owned(), code.to_owned())), "{refused:?}");
    }
    assert_eq!(node.send(&confirming(&token, &ada().password)).await.status, 201);
    node.stop().await;
}

async fn tokens_that_do_not_work_are_refused_alike(world: &World) {
    let node = verified(world).await;
    let used = requested(world, &node, &ada()).await;
    assert_eq!(node.send(&confirming(&used, &ada().password)).await.status, 201);
    let expired = requested(world, &node, &Person::new("eve@example.org")).await;
    world.change("update users_pending_registrations set expires_at = created_at where email is not null").await;
    let unknown = format!("rm_{}", "A".repeat(43));
    let seen = async |request: &dyn Fn(&str) -> Request| {
        let mut seen = Vec::new();
        for token in [&used, &expired, &unknown, "nonsense", "rm_"] {
            let answer = node.send(&request(token)).await;
            refused_token(&answer);
            seen.push(appearance(&answer));
        }
        assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:?}");
    };
    seen(&|token| confirming(token, &ada().password)).await;
    seen(&|token| confirming(token, "short")).await;
    seen(&|token| Request::post("/users/confirm", &json!({ "token": token }))).await;
    seen(&|token| Request::post("/users/confirm", &json!({ "token": token, "password": "x", "more": "y" }))).await;
    node.stop().await;
}

async fn a_password_is_optional_and_checked_if_it_is_sent(world: &World) {
    let node = verified(world).await;
    let without = Request::post("/users", &json!({ "email": "ada@example.org" }));
    assert_eq!(node.send(&without.wait(30)).await.status, 200);
    assert_eq!(world.mails("confirm_registration", "ada@example.org").await.len(), 1);
    let short = node.send(&ada().with_password("short").sign_up()).await;
    assert_eq!(short.violations(), [("/password".to_owned(), "password_too_short".to_owned())]);
    let open = world.send(&Request::post("/users", &json!({ "email": "eve@example.org" }))).await;
    assert_eq!(open.violations(), [("/password".to_owned(), "required".to_owned())]);
    node.stop().await;
}

async fn a_repeated_confirmation_with_its_key_is_recognised(world: &World) {
    let node = verified(world).await;
    let token = requested(world, &node, &ada()).await;
    let key = MessageId::random().to_string();
    let request = || confirming(&token, &ada().password).header("Idempotency-Key", &key);
    let (first, second) = (node.send(&request()).await, node.send(&request()).await);
    assert_eq!((first.status, second.status), (201, 201), "{second:?}");
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.header("location"), second.header("location"));
    node.stop().await;
}

async fn an_erased_user_leaves_no_pending_registration(world: &World) {
    let node = verified(world).await;
    let token = requested(world, &node, &ada()).await;
    let here = world.member(&ada()).await;
    let export = world.send(&Request::get(format!("/users/{}/export", here.user)).by(&here)).await.json();
    assert_eq!(export["data"]["users"]["pending_registrations"][0]["name"], "Ada Lovelace", "{export}");
    let body = json!({ "current_password": ada().password }).to_string();
    let erase = Request::new("DELETE", format!("/users/{}", here.user)).body("application/json", body).by(&here);
    assert_eq!(world.send(&erase.wait(30)).await.status, 204);
    let kept = "select count(*) from users_pending_registrations where email is not null or token_hash is not null";
    assert_eq!(world.count(kept).await, 0);
    refused_token(&node.send(&confirming(&token, &ada().password)).await);
    node.stop().await;
}

async fn without_mail_no_registration_can_be_verified(world: &World) {
    let node = world
        .node_with(|options| {
            options.registration = RegistrationMode::Verified;
            options.mail.server = mail_infrastructure::MailServer::Off;
        })
        .await;
    let answer = node.send(&ada().sign_up()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "mail_not_configured"), "{answer:?}");
    assert_eq!(world.count("select count(*) from ledger_messages").await, 0);
    node.stop().await;
}

async fn one_address_may_try_thirty_unknown_tokens(world: &World) {
    let node = world.limited_node("").await;
    let unknown = format!("rm_{}", "A".repeat(43));
    for _ in 0..30 {
        refused_token(&node.send(&confirming(&unknown, &ada().password)).await);
    }
    let answer = node.send(&confirming(&unknown, &ada().password)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (429, "too_many_requests"), "{answer:?}");
    let answer = node.send(&Request::post("/invitations/accept", &json!({ "token": unknown, "password": "x" }))).await;
    assert_eq!(answer.status, 429, "one count for both kinds of links: {answer:?}");
    node.stop().await;
}

async fn one_process_takes_the_registration_and_another_confirms_it(world: &World) {
    let (one, two) = (verified(world).await, verified(world).await);
    world.work().await;
    let token = requested(world, &one, &ada()).await;
    let requests = (0..10).map(|_| confirming(&token, &ada().password));
    let (first, second) = tokio::join!(one.send_all(requests.clone()), two.send_all(requests));
    let confirmed = first.iter().chain(&second).filter(|answer| answer.status == 201).count();
    assert_eq!((confirmed, world.count(USERS).await), (1, 1), "{first:?} {second:?}");
    one.stop().await;
    two.stop().await;
}
