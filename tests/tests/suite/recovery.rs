//! Forgotten passwords, notices of changed passwords and of unknown devices.

use acceptance::smtp::token_in;
use acceptance::{
    Answer, Node, Person, Request, SignedIn, World, in_each_world, in_one_idle_world, in_one_world, in_shared_worlds,
};
use auth_application::{Authority, Notice, SetPassword};
use auth_domain::PasswordHash;
use auth_infrastructure::{run_in_transaction, tidy_now};
use identity::UserId;
use persistence::sql;
use roster::compose::ProcessRole;
use serde_json::{Value, json};
use std::collections::BTreeSet;

in_each_world! {
    a_user_who_forgot_the_password_chooses_a_new_one_by_a_mailed_link,
    known_unknown_and_deactivated_addresses_get_the_same_answer,
    of_fifty_requests_with_one_token_one_sets_its_password,
    a_token_works_for_the_address_that_it_was_mailed_to_and_for_no_other,
    a_token_ends_with_its_hour_a_new_password_a_deactivation_and_an_erasure,
    a_changed_password_is_noticed_once_on_each_path,
    a_further_device_is_noticed_once_and_the_first_sign_in_is_not,
    an_administrator_has_a_user_mailed_a_link,
    devices_are_capped_and_forgotten_after_ninety_days,
}

in_shared_worlds! {
    of_fifty_requests_at_two_nodes_one_sets_its_password,
}

in_one_world! {
    reading_a_link_fifty_times_uses_nothing_up_and_its_page_works_without_scripts,
    a_refused_password_does_not_use_up_the_token,
    an_earlier_link_works_until_one_is_used,
    a_user_without_a_password_gets_one,
    a_password_is_checked_before_a_form_is_sent,
    an_address_with_a_line_break_is_refused,
    the_devices_of_a_user_are_exported,
    a_hostile_user_agent_cannot_write_into_a_mail,
}

in_one_idle_world! {
    without_mail_nothing_is_asked_and_no_device_is_kept,
    links_are_limited_by_address_and_by_recipient_and_the_second_is_no_oracle,
}

const NEW: &str = "another horse, another staple";

fn ada() -> Person {
    Person::new("Ada@example.org")
}

fn forgot(email: &str) -> Request {
    Request::post("/auth/password/forgot", &json!({ "email": email }))
}

fn reset(token: &str, password: &str) -> Request {
    Request::post("/auth/password/reset", &json!({ "token": token, "password": password }))
}

/// Waits until all messages are handled.
async fn settled(world: &World) {
    world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
}

/// The recipients of the mails of a kind, with their texts.
async fn mails(world: &World, template: &str) -> Vec<(String, String)> {
    settled(world).await;
    let sql =
        "select template || ' ' || recipient || ' ' || coalesce(text, '') from mail_mails order by created_at, id";
    let all = world.texts(sql).await;
    let of_kind = all.iter().filter_map(|mail| mail.strip_prefix(template)?.strip_prefix(' '));
    of_kind.map(|mail| mail.split_once(' ').unwrap()).map(|(to, text)| (to.to_owned(), text.to_owned())).collect()
}

/// Asks for a link, and returns the token of the mail.
async fn mailed_token(world: &World, email: &str) -> String {
    let before = tokens(world).await;
    assert_eq!(world.send(&forgot(email)).await.status, 202);
    let after = tokens(world).await;
    let new: Vec<_> = after.difference(&before).collect();
    assert_eq!(new.len(), 1, "one mail");
    new[0].clone()
}

async fn tokens(world: &World) -> BTreeSet<String> {
    mails(world, "reset_password").await.iter().map(|(_, text)| token_in(text)).collect()
}

fn refused(answer: &Answer) {
    assert_eq!((answer.status, answer.problem().as_str()), (422, "token_invalid"), "{answer:?}");
}

/// The number of live sessions.
async fn sessions(world: &World) -> i64 {
    world.count("select count(*) from auth_sessions where ended_at is null").await
}

/// ASVS 6.4.3, 7.4.3
async fn a_user_who_forgot_the_password_chooses_a_new_one_by_a_mailed_link(world: &World) {
    let (here, there) = {
        let here = world.member(&ada()).await;
        let there = world.sign_in(here.user, &ada()).await;
        (here, there)
    };
    let asked = world.send(&forgot("ADA@example.org").header("Accept-Language", "de-CH,de;q=0.9")).await;
    assert_eq!((asked.status, asked.body.as_str()), (202, ""), "{asked:?}");
    let mails_to_ada = mails(world, "reset_password").await;
    let [(to, text)] = &mails_to_ada[..] else { panic!("one mail: {mails_to_ada:?}") };
    assert_eq!(to, "ada@example.org", "the stored address");
    assert!(text.contains("60 Minuten"), "{text}");
    let token = token_in(text);

    let done = world.send(&reset(&token, NEW)).await;
    assert_eq!((done.status, done.body.as_str()), (204, ""), "{done:?}");
    for gone in [&here, &there] {
        assert!(!world.knows(gone).await);
        assert_eq!(world.send(&gone.refreshing()).await.status, 401);
    }
    assert_eq!(sessions(world).await, 0, "nobody is signed in");
    refused(&world.send(&reset(&token, "a third password, just as long")).await);
    assert_eq!(world.send(&ada().login()).await.status, 401);
    world.sign_in(here.user, &ada().with_password(NEW)).await;
    let lines = "select action || ' ' || actor || ' ' || outcome from auth_audit_events \
         where action like 'password.%' order by id";
    let expected = [
        "password.request_reset anonymous succeeded".to_owned(),
        format!("password.reset user:{} succeeded", here.user),
    ];
    assert_eq!(world.texts(lines).await, expected);
}

async fn known_unknown_and_deactivated_addresses_get_the_same_answer(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    world.member(&ada()).await;
    let gone = world.member(&Person::new("gone@example.org")).await;
    world.deactivate(&gone, &admin).await;
    let mut answers = BTreeSet::new();
    for email in ["ada@example.org", "gone@example.org", "unknown@example.org"] {
        let answer = world.send(&forgot(email)).await;
        let varies = ["date: ", "x-request-id: ", "traceparent: "];
        let head = answer.head.lines().filter(|line| !varies.iter().any(|it| line.to_lowercase().starts_with(it)));
        answers.insert((answer.status, head.collect::<Vec<_>>().join("\n"), answer.body));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let to: Vec<_> = mails(world, "reset_password").await.into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, ["ada@example.org"]);
    let roots = "select count(*) from ledger_messages where name = 'auth.request_password_reset.v1' \
         and status = 'succeeded' and payload is null";
    assert_eq!(world.count(roots).await, 3);
}

async fn of_fifty_requests_with_one_token_one_sets_its_password(world: &World) {
    race(world, &[world]).await;
}

async fn of_fifty_requests_at_two_nodes_one_sets_its_password(world: &World) {
    world.work().await;
    let other = world.another_node(ProcessRole::Api, world.keys()).await;
    race(world, &[world, &other]).await;
    other.stop().await;
}

async fn race(world: &World, nodes: &[&Node]) {
    world.member(&ada()).await;
    let token = mailed_token(world, "ada@example.org").await;
    let password = |n: usize| format!("{NEW}, number {n}");
    let sent = (0..50).map(|n| nodes[n % nodes.len()].begin(reset(&token, &password(n))));
    let mut set = Vec::new();
    for (n, sent) in sent.collect::<Vec<_>>().into_iter().enumerate() {
        let answer = sent.await.unwrap();
        if answer.status == 204 {
            set.push(n);
        } else {
            refused(&answer);
        }
    }
    let [winner] = set[..] else { panic!("one success: {set:?}") };
    assert!(world.verify("ada@example.org", &password(winner)).await.is_some());
    assert_eq!(mails(world, "password_changed").await.len(), 1);
}

async fn a_token_works_for_the_address_that_it_was_mailed_to_and_for_no_other(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let here = world.member(&ada()).await;
    let off = world.node_without_mail().await;
    let mut earlier = Vec::new();
    for (now, next) in [("ada@example.org", "b@example.org"), ("b@example.org", "ada@example.org")] {
        earlier.push(mailed_token(world, now).await);
        // Without mail, the address changes at once.
        let patch = here.updating(&json!({ "email": next })).by(&admin);
        assert_eq!(off.outcome(&off.send(&patch).await).await["status"], "succeeded");
    }
    off.stop().await;
    for token in &earlier {
        refused(&world.send(&reset(token, NEW)).await);
    }
    // The version alone would do: bring the rows back that the change has deleted.
    let old = mailed_token(world, "ada@example.org").await;
    world
        .run(
            "update auth_accounts set identifier_version = identifier_version + 2 where identifier = 'ada@example.org'",
        )
        .await;
    refused(&world.send(&reset(&old, NEW)).await);
    world
        .run(
            "update auth_accounts set identifier_version = identifier_version - 2 where identifier = 'ada@example.org'",
        )
        .await;
    assert_eq!(world.send(&reset(&old, NEW)).await.status, 204);
}

async fn a_token_ends_with_its_hour_a_new_password_a_deactivation_and_an_erasure(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let tokens_left = "select count(*) from auth_mail_tokens";
    let member = async |n: usize| {
        let person = Person::new(format!("user{n}@example.org"));
        let here = world.member(&person).await;
        (mailed_token(world, &person.email).await, person, here)
    };

    let (token, ..) = member(0).await;
    world
        .change(sql!(
            "update auth_mail_tokens set expires_at = expires_at - {60 min}, created_at = created_at - {60 min}"
        ))
        .await;
    refused(&world.send(&reset(&token, NEW)).await);
    tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count(tokens_left).await, 0, "expired tokens are deleted");

    let (token, ..) = member(1).await;
    world
        .change(sql!("update auth_mail_tokens set expires_at = expires_at + {2 d}, created_at = created_at + {2 d}"))
        .await;
    refused(&world.send(&reset(&token, NEW)).await);
    tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count(tokens_left).await, 0, "so are those that a wrong clock wrote");

    let (token, person, here) = member(2).await;
    let change = json!({ "current_password": person.password, "new_password": NEW });
    assert_eq!(world.send(&Request::post("/auth/password", &change).by(&here)).await.status, 204);
    refused(&world.send(&reset(&token, "a third password, just as long")).await);

    let (token, _, here) = member(3).await;
    operator_sets(world, &here).await;
    refused(&world.send(&reset(&token, NEW)).await);

    let (token, _, here) = member(4).await;
    world.deactivate(&here, &admin).await;
    refused(&world.send(&reset(&token, NEW)).await);
    world.done(&here.reactivating().by(&admin)).await;
    refused(&world.send(&reset(&token, NEW)).await);
    assert_eq!(world.count(tokens_left).await, 0);

    let (token, person, here) = member(5).await;
    let erase = Request::new("DELETE", format!("/users/{}", here.user));
    let erase = erase.body("application/json", json!({ "reason": "asked for it" }).to_string());
    assert_eq!(world.send(&erase.by(&admin).wait(30)).await.status, 204);
    refused(&world.send(&reset(&token, NEW)).await);
    assert_eq!(world.send(&forgot(&person.email)).await.status, 202);
    settled(world).await;
    for left in [tokens_left, "select count(*) from mail_mails where recipient = 'user5@example.org'"] {
        assert_eq!(world.count(left).await, 0, "{left}");
    }
    let devices = "select count(*) from auth_known_devices where user_id not in (select id from users_users)";
    assert_eq!(world.count(devices).await, 0);
}

/// An operator sets the password, as `roster users set-password` does.
async fn operator_sets(world: &World, who: &SignedIn) {
    // Of `Correct horse battery`.
    let hash = "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$X.nm/a10UwnxfHHNmox5Yqvu4a5hB/S";
    let new = PasswordHash::parse(hash).unwrap();
    let (by, user, notice) = (Authority::operator(), UserId::new(who.user), Some(Notice::default()));
    run_in_transaction(&world.db, SetPassword { by, user, new, notice }).await.unwrap();
}

/// ASVS 6.3.7
async fn a_changed_password_is_noticed_once_on_each_path(world: &World) {
    let here = world.member(&ada()).await;
    let change = json!({ "current_password": ada().password, "new_password": NEW });
    let change = Request::post("/auth/password", &change).by(&here).header("Accept-Language", "de");
    assert_eq!(world.send(&change).await.status, 204);
    let noticed = mails(world, "password_changed").await;
    let [(to, text)] = &noticed[..] else { panic!("one mail: {noticed:?}") };
    assert!(to == "ada@example.org" && text.contains(" UTC)") && text.contains("Passwort"), "{noticed:?}");

    let wrong = json!({ "current_password": ada().password, "new_password": "a third password, just as long" });
    assert_eq!(world.send(&Request::post("/auth/password", &wrong).by(&here)).await.status, 422);
    assert_eq!(mails(world, "password_changed").await.len(), 1, "nothing has changed");

    let token = mailed_token(world, "ada@example.org").await;
    assert_eq!(world.send(&reset(&token, "a third password, just as long")).await.status, 204);
    assert_eq!(mails(world, "password_changed").await.len(), 2);
    operator_sets(world, &here).await;
    assert_eq!(mails(world, "password_changed").await.len(), 3);
}

/// ASVS 6.3.5
async fn a_further_device_is_noticed_once_and_the_first_sign_in_is_not(world: &World) {
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const PHONE: &str =
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Mobile/15E148 Safari/604.1";
    let from = async |agent: &str| {
        let answer = world.send(&ada().login().header("User-Agent", agent)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        mails(world, "new_device").await
    };
    world.register(&ada()).await;
    assert_eq!(from(FIREFOX).await, [], "the first sign-in of an account");
    let wrong = ada().with_password("not the password at all").login().header("User-Agent", PHONE);
    assert_eq!(world.send(&wrong).await.status, 401);
    assert_eq!(from(FIREFOX).await, []);
    assert_eq!(from(&FIREFOX.replace("140", "141")).await, [], "an update of the browser");
    let noticed = from(PHONE).await;
    let [(to, text)] = &noticed[..] else { panic!("one mail: {noticed:?}") };
    assert_eq!(to, "ada@example.org");
    assert!(text.contains("iPhone OS 18_6") && text.contains("127.0.0.1") && text.contains(" UTC)"), "{text}");
    assert_eq!(from(PHONE).await.len(), 1, "known from now on");
    assert_eq!(from(FIREFOX).await.len(), 1);

    let node = world.limited_node("127.0.0.1").await;
    let elsewhere = ada().login().header("User-Agent", PHONE).header("X-Forwarded-For", "203.0.113.7");
    assert_eq!(node.send(&elsewhere).await.status, 200);
    let noticed = mails(world, "new_device").await;
    assert!(noticed.len() == 2 && noticed[1].1.contains("203.0.113.7"), "another network: {noticed:?}");
    let near = ada().login().header("User-Agent", PHONE).header("X-Forwarded-For", "203.0.113.200");
    assert_eq!(node.send(&near).await.status, 200);
    assert_eq!(mails(world, "new_device").await.len(), 2, "the same network");
    node.stop().await;
}

async fn an_administrator_has_a_user_mailed_a_link(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let here = world.member(&ada()).await;
    let mail_to = |user: &str| Request::new("POST", format!("/users/{user}/password-reset"));
    let accepted = world.send(&mail_to(&here.user.to_string()).by(&admin)).await;
    assert_eq!(world.outcome(&accepted).await["status"], "succeeded");
    let waited = world.send(&mail_to(&here.user.to_string()).by(&admin).wait(30)).await;
    assert_eq!((waited.status, waited.json()), (200, json!({ "user_id": here.user })));
    let tokens = tokens(world).await;
    assert_eq!(tokens.len(), 2);
    assert!(world.knows(&here).await, "nothing changes before the link is used");
    assert_eq!(world.send(&reset(tokens.iter().next().unwrap(), NEW)).await.status, 204);

    assert_eq!(world.send(&mail_to(&uuid::Uuid::nil().to_string()).by(&admin)).await.status, 404);
    assert_eq!(world.send(&mail_to(&here.user.to_string())).await.status, 401);
    let other = world.member(&Person::new("other@example.org")).await;
    assert_eq!(world.send(&mail_to(&here.user.to_string()).by(&other)).await.status, 403);
    world.deactivate(&other, &admin).await;
    let deactivated = world.send(&mail_to(&other.user.to_string()).by(&admin).wait(30)).await;
    assert_eq!((deactivated.status, deactivated.problem().as_str()), (409, "user_deactivated"), "{deactivated:?}");
    let lines = "select actor from auth_audit_events where action = 'password.request_reset' and target is not null";
    assert_eq!(world.texts(lines).await, vec![format!("user:{}", admin.user); 2]);
}

async fn devices_are_capped_and_forgotten_after_ninety_days(world: &World) {
    world.register(&ada()).await;
    for n in 0..25_u8 {
        let agent = format!("Browser {}", char::from(b'a' + n));
        assert_eq!(world.send(&ada().login().header("User-Agent", agent)).await.status, 200);
    }
    let devices = "select count(*) from auth_known_devices";
    assert_eq!(world.count(devices).await, 20);
    world.change(sql!("update auth_known_devices set last_seen_at = last_seen_at - {89 d}")).await;
    tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count(devices).await, 20);
    world.change(sql!("update auth_known_devices set last_seen_at = last_seen_at - {2 d}")).await;
    tidy_now(&world.db).await.unwrap();
    assert_eq!(world.count(devices).await, 1, "the latest stays, so that the next one is news");
    let before = mails(world, "new_device").await.len();
    assert_eq!(world.send(&ada().login().header("User-Agent", "Browser a")).await.status, 200);
    assert_eq!(mails(world, "new_device").await.len(), before + 1);
}

/// ASVS 3.5.3
async fn reading_a_link_fifty_times_uses_nothing_up_and_its_page_works_without_scripts(world: &World) {
    world.member(&ada()).await;
    let token = mailed_token(world, "ada@example.org").await;
    let link = format!("/reset?token={token}");
    for _ in 0..50 {
        let page = world.get(&link).await;
        assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")), "{page:?}");
        assert!(page.body.contains(&token) && !page.body.contains("<script"), "{page:?}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(world.send(&Request::new("HEAD", &link)).await.status, 200);
        assert_eq!(world.send(&Request::new("OPTIONS", &link)).await.status, 405);
    }
    let form = |password: &str| {
        let body = format!("token={token}&password={}", password.replace(' ', "+"));
        Request::new("POST", "/reset").body("application/x-www-form-urlencoded", body)
    };
    let short = world.send(&form("short")).await;
    assert_eq!((short.status, short.header("content-type")), (422, Some("text/html; charset=utf-8")), "{short:?}");
    assert!(short.body.contains("at least 15 characters") && short.body.contains(&token), "{short:?}");
    let done = world.send(&form("another horse another staple")).await;
    assert!(done.status == 200 && done.body.contains("The password is set"), "{done:?}");
    let again = world.send(&form("another horse another staple")).await;
    assert!(again.status == 422 && again.body.contains("unknown, used or expired"), "{again:?}");
    assert!(world.verify("ada@example.org", "another horse another staple").await.is_some());
}

async fn a_refused_password_does_not_use_up_the_token(world: &World) {
    world.member(&ada()).await;
    let token = mailed_token(world, "ada@example.org").await;
    for (password, code) in [("short", "password_too_short"), ("ada@example.org ada", "password_contains_email")] {
        let answer = world.send(&reset(&token, password)).await;
        assert_eq!(answer.violations(), [("/password".to_owned(), code.to_owned())], "{answer:?}");
    }
    for text in ["", "rm_", "nonsense", &token.to_uppercase(), &format!("{token}A")] {
        refused(&world.send(&reset(text, "short")).await);
    }
    assert_eq!(sessions(world).await, 1);
    assert_eq!(world.send(&reset(&token, NEW)).await.status, 204);
}

async fn an_earlier_link_works_until_one_is_used(world: &World) {
    world.member(&ada()).await;
    let first = mailed_token(world, "ada@example.org").await;
    let second = mailed_token(world, "ada@example.org").await;
    let third = mailed_token(world, "ada@example.org").await;
    assert_eq!(world.send(&reset(&first, NEW)).await.status, 204);
    for token in [&second, &third] {
        refused(&world.send(&reset(token, "a third password, just as long")).await);
    }
    assert_eq!(world.count("select count(*) from auth_mail_tokens").await, 0);
}

async fn a_user_without_a_password_gets_one(world: &World) {
    let user = world.register(&ada()).await;
    world.run_on("delete from auth_credentials where user_id = $1", user).await;
    let token = mailed_token(world, "ada@example.org").await;
    assert_eq!(world.send(&reset(&token, NEW)).await.status, 204);
    world.sign_in(user, &ada().with_password(NEW)).await;
}

async fn a_password_is_checked_before_a_form_is_sent(world: &World) {
    let check = async |body: &Value| {
        let answer = world.send(&Request::post("/auth/password/check", body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let checked = answer.json();
        let codes = checked["violations"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned());
        (checked["acceptable"].as_bool().unwrap(), codes.collect::<Vec<_>>())
    };
    assert_eq!(check(&json!({ "password": NEW })).await, (true, vec![]));
    assert_eq!(check(&json!({ "password": "" })).await, (false, vec!["password_too_short".to_owned()]));
    let named = json!({ "password": "augusta ada king lovelace", "email": "x@example.org", "name": "Augusta Ada King Lovelace" });
    assert!(!check(&named).await.0);
    let own = json!({ "password": "ada.lovelace@example.org", "email": "ada.lovelace@example.org" });
    assert!(!check(&own).await.0);
    let malformed = world.send(&Request::post("/auth/password/check", &json!({ "email": "x" }))).await;
    let violations = malformed.violations().into_iter().map(|(pointer, _)| pointer).collect::<BTreeSet<_>>();
    assert_eq!(violations, ["/email", "/password"].map(str::to_owned).into(), "{malformed:?}");
    let canary = json!({ "password": "Canary-in-a-coal-mine-1234" });
    check(&canary).await;
    assert!(!acceptance::logs().contains("Canary-in-a-coal-mine"));
}

async fn an_address_with_a_line_break_is_refused(world: &World) {
    for email in [
        "ada@example.org\r\nBcc: eve@evil.example",
        "ada\r\n@example.org",
        "ada@example.org,eve@evil.example",
        "Ada <ada@example.org>",
        "ada@example.org\u{0}",
        "ada",
    ] {
        let answer = world.send(&forgot(email)).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert_eq!(answer.violations()[0].0, "/email");
    }
    assert!(mails(world, "reset_password").await.is_empty());
}

async fn the_devices_of_a_user_are_exported(world: &World) {
    let here = world.member(&ada()).await;
    assert_eq!(world.send(&ada().login().header("User-Agent", "Firefox")).await.status, 200);
    settled(world).await;
    let export = world.send(&Request::get(format!("/users/{}/export", here.user)).by(&here)).await.json();
    let devices = export["data"]["auth"]["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 2);
    assert!(devices.iter().all(|device| device["last_seen_at"].is_string() && device.as_object().unwrap().len() == 1));
}

async fn a_hostile_user_agent_cannot_write_into_a_mail(world: &World) {
    world.member(&ada()).await;
    let agent = b"Evil\t<b>call</b> https://evil.example \xff\xfe".to_vec();
    let long = [agent, vec![b'x'; 3_000]].concat();
    assert_eq!(world.send(&ada().login().header("User-Agent", long)).await.status, 200);
    let noticed = mails(world, "new_device").await;
    let [(_, text)] = &noticed[..] else { panic!("one mail: {noticed:?}") };
    assert!(text.contains("Evilbcall/b https//evil.example xxx"), "{text}");
    assert!(!text.contains("https://evil") && !text.contains(&"x".repeat(151)), "{text}");
}

async fn without_mail_nothing_is_asked_and_no_device_is_kept(world: &World) {
    let node = world.node_without_mail().await;
    let person = ada();
    world.work().await;
    let admin = world.administrator("admin@example.org").await;
    let here = world.register(&person).await;
    world.run("delete from auth_known_devices").await;
    let unknown = node.send(&forgot("unknown@example.org")).await;
    assert_eq!((unknown.status, unknown.problem().as_str()), (503, "mail_not_configured"), "{unknown:?}");
    let by_admin = node.send(&Request::new("POST", format!("/users/{here}/password-reset")).by(&admin)).await;
    assert_eq!((by_admin.status, by_admin.problem().as_str()), (503, "mail_not_configured"), "{by_admin:?}");
    let mut member = None;
    for agent in ["Firefox", "Chrome"] {
        let answer = node.send(&person.login().header("User-Agent", agent)).await;
        member = Some(SignedIn::of(here, &answer));
    }
    let change = json!({ "current_password": person.password, "new_password": NEW });
    assert_eq!(node.send(&Request::post("/auth/password", &change).by(&member.unwrap())).await.status, 204);
    assert_eq!(world.count("select count(*) from auth_known_devices").await, 0);
    assert_eq!(world.count("select count(*) from ledger_messages where name like 'mail.%'").await, 0);
    node.stop().await;
}

/// ASVS 6.1.1
async fn links_are_limited_by_address_and_by_recipient_and_the_second_is_no_oracle(world: &World) {
    let node = world.limited_node("127.0.0.1").await;
    let from = |address: &str, request: Request| request.header("X-Forwarded-For", address);
    let accepted = "select count(*) from ledger_messages where name = 'auth.request_password_reset.v1'";
    for n in 0..8 {
        let spelling = ["unknown@example.org", "UNKNOWN@example.org"][n % 2];
        let answer = node.send(&from(&format!("203.0.113.{n}"), forgot(spelling))).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{answer:?}");
    }
    assert_eq!(world.count(accepted).await, 5, "five links for one recipient, from all addresses");
    for (request, at_most) in [
        (forgot("ada@example.org"), 20),
        (reset(&format!("rm_{}", "A".repeat(43)), NEW), 20),
        (Request::post("/auth/password/check", &json!({ "password": NEW })), 60),
    ] {
        let mut passed = 0;
        while passed <= at_most {
            let answer = node.send(&from("198.51.100.1", request.clone())).await;
            if answer.status == 429 {
                assert!(answer.header("retry-after").is_some(), "{answer:?}");
                break;
            }
            passed += 1;
        }
        // A permit may have come back meanwhile.
        assert!(passed >= at_most, "{passed} of {at_most}");
        let other = node.send(&from("198.51.100.2", request)).await;
        assert_ne!(other.status, 429, "{other:?}");
    }
    node.stop().await;
    world.work().await;
}
