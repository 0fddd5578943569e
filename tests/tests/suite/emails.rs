//! Users confirm their address by a link, change it, and undo a change that was not theirs.

use acceptance::{Answer, Person, Request, SignedIn, World, in_each_world, in_one_world, in_shared_worlds};
use persistence::sql;
use roster::compose::ProcessRole;
use serde_json::{Value, json};

in_each_world! {
    a_user_confirms_their_address_by_a_link,
    a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_told,
    the_owner_of_the_old_address_undoes_a_change_also_after_a_second_one,
    the_address_of_another_user_is_not_taken_and_its_owner_is_told,
    one_of_fifty_uses_of_a_link_succeeds,
}

in_shared_worlds! {
    two_nodes_share_links,
}

in_one_world! {
    a_link_of_an_earlier_address_is_not_valid_when_the_address_comes_back,
    a_link_expires,
    only_a_post_uses_a_link,
    the_pages_work_without_javascript,
    another_link_of_the_same_request_is_valid_until_one_is_used,
    a_link_is_for_one_user_and_one_purpose,
    without_mail_no_link_is_sent,
}

const OLD: &str = "Ada@example.org";
const NEW: &str = "Countess@example.org";

fn ada() -> Person {
    Person::new(OLD)
}

fn verify(who: &SignedIn) -> Request {
    Request::new("POST", format!("/users/{}/email/verify", who.user)).by(who).wait(30)
}

fn confirm(who: &SignedIn, token: &str) -> Request {
    Request::post(format!("/users/{}/email/confirm", who.user), &json!({ "token": token }))
}

fn revert(token: &str) -> Request {
    Request::post("/auth/email/revert", &json!({ "token": token }))
}

async fn change(world: &World, who: &SignedIn, person: &Person, email: &str) -> Answer {
    let patch = json!({ "email": email, "current_password": person.password });
    let answer = world.send(&who.updating(&patch).by(who).wait(30)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn email_of(world: &World, who: &SignedIn) -> (Value, Value) {
    let user = world.send(&Request::get("/users/me").by(who)).await.json();
    (user["email"].clone(), user["email_verified"].clone())
}

fn is_invalid(answer: &Answer) -> bool {
    answer.status == 422 && answer.problem() == "token_invalid"
}

async fn a_user_confirms_their_address_by_a_link(world: &World) {
    let here = world.member(&ada()).await;
    let asked = world.send(&verify(&here).header("Accept-Language", "de-AT, en;q=0.5")).await;
    assert_eq!((asked.status, &asked.json()["email_verified"]), (200, &json!(false)), "{asked:?}");
    let mails = world.mails_to(OLD, "confirm_email", 1).await;
    assert!(mails[0].contains("bestätigen"), "{mails:?}");
    let token = world.token_to(OLD, "confirm_email", 1).await;
    let confirmed = world.send(&confirm(&here, &token)).await;
    assert_eq!((confirmed.status, confirmed.body.as_str()), (204, ""), "{confirmed:?}");
    assert_eq!(email_of(world, &here).await, (json!(OLD), json!(true)));
    assert_eq!(world.texts("select email_verified || '' from auth_accounts").await.len(), 1);
    assert_eq!(world.count("select count(*) from auth_accounts where email_verified").await, 1);
    assert!(is_invalid(&world.send(&confirm(&here, &token)).await), "a link can be used once");
    assert_eq!(world.send(&verify(&here)).await.status, 200);
    world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
    assert_eq!(world.mails_to(OLD, "confirm_email", 1).await.len(), 1, "there is nothing to confirm");
}

async fn a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_told(world: &World) {
    let here = world.member(&ada()).await;
    let answer = change(world, &here, &ada(), NEW).await;
    assert_eq!(answer.json()["email"], OLD, "it is not confirmed");
    world.sign_in(here.user, &ada()).await;
    let token = world.token_to(NEW, "confirm_email", 1).await;
    assert_eq!(world.send(&confirm(&here, &token)).await.status, 204);
    assert_eq!(email_of(world, &here).await, (json!(NEW), json!(true)));
    assert_eq!(world.send(&ada().login()).await.problem(), "wrong_credentials");
    world.sign_in(here.user, &Person::new(NEW)).await;
    assert_eq!(world.mails_to(OLD, "email_changed", 1).await.len(), 1);
    assert_eq!(world.count("select count(*) from auth_accounts where email_verified").await, 1);
    // Another spelling needs no confirmation.
    let patch = json!({ "email": "COUNTESS@example.org", "current_password": ada().password });
    let respelled = world.send(&here.updating(&patch).by(&here).wait(30)).await;
    assert_eq!(
        (&respelled.json()["email"], &respelled.json()["email_verified"]),
        (&json!("COUNTESS@example.org"), &json!(true))
    );
}

async fn the_owner_of_the_old_address_undoes_a_change_also_after_a_second_one(world: &World) {
    let here = world.member(&ada()).await;
    let thief = world.sign_in(here.user, &ada()).await;
    change(world, &thief, &ada(), NEW).await;
    let token = world.token_to(NEW, "confirm_email", 1).await;
    assert_eq!(world.send(&confirm(&thief, &token)).await.status, 204);
    change(world, &thief, &ada(), "thief@example.org").await;
    let token = world.token_to("thief@example.org", "confirm_email", 1).await;
    assert_eq!(world.send(&confirm(&thief, &token)).await.status, 204);
    let of_thief = world.token_to(NEW, "email_changed", 1).await;
    change(world, &thief, &ada(), "further@example.org").await;
    let pending = world.token_to("further@example.org", "confirm_email", 1).await;

    let undone = world.send(&revert(&world.token_to(OLD, "email_changed", 1).await)).await;
    assert_eq!((undone.status, undone.body.as_str()), (204, ""), "{undone:?}");
    assert_eq!(world.send(&Request::get("/users/me").by(&thief)).await.status, 401, "all sessions have ended");
    assert!(is_invalid(&world.send(&revert(&of_thief)).await), "the thief cannot undo it");
    assert!(is_invalid(&world.send(&confirm(&thief, &pending)).await), "nor go on");
    let again = world.sign_in(here.user, &ada()).await;
    assert_eq!(email_of(world, &again).await, (json!(OLD), json!(true)));
}

async fn the_address_of_another_user_is_not_taken_and_its_owner_is_told(world: &World) {
    let eve = world.member(&Person::new("Eve@example.org")).await;
    let here = world.member(&ada()).await;
    let taken = change(world, &here, &ada(), "eve@example.org").await;
    let free = change(world, &here, &ada(), "free@example.org").await;
    assert_eq!(taken.json(), free.json(), "the answer does not say that the address is taken");
    world.mails_to("Eve@example.org", "already_registered", 1).await;
    // Taken between the request and the confirmation.
    let token = world.token_to("free@example.org", "confirm_email", 1).await;
    world.member(&Person::new("free@example.org")).await;
    let late = world.send(&confirm(&here, &token)).await;
    assert_eq!((late.status, late.problem().as_str()), (409, "email_taken"), "{late:?}");
    assert_eq!(email_of(world, &here).await.0, OLD);
    assert_eq!(email_of(world, &eve).await.0, "Eve@example.org");
}

async fn one_of_fifty_uses_of_a_link_succeeds(world: &World) {
    let here = world.member(&ada()).await;
    change(world, &here, &ada(), NEW).await;
    let token = world.token_to(NEW, "confirm_email", 1).await;
    let answers = world.send_all((0..50).map(|_| confirm(&here, &token))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 204);
    assert_eq!(done.len(), 1);
    assert!(refused.iter().all(is_invalid), "{refused:?}");
    assert_eq!(world.mails_to(OLD, "email_changed", 1).await.len(), 1);
}

async fn two_nodes_share_links(world: &World) {
    let other = world.another_node(ProcessRole::All, world.keys()).await;
    world.work().await;
    other.work().await;
    for round in 0..5 {
        let person = Person::new(format!("user{round}@example.org"));
        let here = world.member(&person).await;
        assert_eq!(other.send(&verify(&here)).await.status, 200);
        let token = world.token_to(&person.email, "confirm_email", 1).await;
        let sent = [other.begin(confirm(&here, &token)), world.begin(confirm(&here, &token))];
        let mut statuses = Vec::new();
        for sent in sent {
            statuses.push(sent.await.unwrap().status);
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 422]);
    }
    other.stop().await;
}

async fn a_link_of_an_earlier_address_is_not_valid_when_the_address_comes_back(world: &World) {
    let here = world.member(&ada()).await;
    world.send(&verify(&here)).await;
    let first = world.token_to(OLD, "confirm_email", 1).await;
    change(world, &here, &ada(), "third@example.org").await;
    let third = world.token_to("third@example.org", "confirm_email", 1).await;
    change(world, &here, &ada(), NEW).await;
    let token = world.token_to(NEW, "confirm_email", 1).await;
    assert_eq!(world.send(&confirm(&here, &token)).await.status, 204);
    assert!(is_invalid(&world.send(&confirm(&here, &third)).await));
    change(world, &here, &Person::new(NEW), OLD).await;
    let back = world.token_to(OLD, "confirm_email", 2).await;
    assert!(is_invalid(&world.send(&confirm(&here, &first)).await), "it is of another time");
    assert_eq!(world.send(&confirm(&here, &back)).await.status, 204);
    for token in [first, third, token, back] {
        assert!(is_invalid(&world.send(&confirm(&here, &token)).await));
    }
    assert_eq!(email_of(world, &here).await, (json!(OLD), json!(true)));
}

async fn a_link_expires(world: &World) {
    let here = world.member(&ada()).await;
    change(world, &here, &ada(), NEW).await;
    let token = world.token_to(NEW, "confirm_email", 1).await;
    assert_eq!(world.send(&confirm(&here, &token)).await.status, 204);
    let undo = world.token_to(OLD, "email_changed", 1).await;
    world.change(sql!("update users_email_tokens set expires_at = expires_at - {7 d} + {1 min}")).await;
    world.send(&verify(&here)).await;
    world.change(sql!("update users_email_tokens set expires_at = {now} - {1 s}")).await;
    assert!(is_invalid(&world.send(&revert(&undo)).await));
}

async fn only_a_post_uses_a_link(world: &World) {
    let here = world.member(&ada()).await;
    world.send(&verify(&here)).await;
    let token = world.token_to(OLD, "confirm_email", 1).await;
    let api = format!("/users/{}/email/confirm", here.user);
    for _ in 0..50 {
        for method in ["GET", "HEAD"] {
            let page = Request::new(method, format!("/email?token={token}")).try_send(world.address).await.unwrap();
            assert_eq!(page.status, 200, "{page:?}");
        }
        assert_eq!(world.send(&Request::new("GET", api.clone())).await.status, 405);
    }
    assert_eq!(world.send(&confirm(&here, &token)).await.status, 204);
}

async fn the_pages_work_without_javascript(world: &World) {
    let here = world.member(&ada()).await;
    change(world, &here, &ada(), NEW).await;
    for (path, to, template, done) in
        [("/email", NEW, "confirm_email", "is confirmed"), ("/revert", OLD, "email_changed", "is back")]
    {
        let token = world.token_to(to, template, 1).await;
        let page = Request::get(format!("{path}?token={token}")).try_send(world.address).await.unwrap();
        assert!(page.body.contains(&token) && !page.body.contains("<script"), "{page:?}");
        assert!(page.header("content-security-policy").unwrap().contains("form-action 'self'"), "{page:?}");
        let press = |token: &str| {
            Request::new("POST", path).body("application/x-www-form-urlencoded", format!("token={token}"))
        };
        let wrong = press("rm_wrong").try_send(world.address).await.unwrap();
        assert!(wrong.status == 422 && wrong.body.contains("not valid"), "{wrong:?}");
        assert!(wrong.header("content-type").unwrap().starts_with("text/html"), "{wrong:?}");
        let pressed = press(&token).try_send(world.address).await.unwrap();
        assert!(pressed.status == 200 && pressed.body.contains(done), "{pressed:?}");
        let twice = press(&token).try_send(world.address).await.unwrap();
        assert_eq!(twice.status, 422, "{twice:?}");
    }
    let bare = Request::get("/email").try_send(world.address).await.unwrap();
    assert_eq!(bare.status, 422, "{bare:?}");
    world.sign_in(here.user, &ada()).await;
}

async fn another_link_of_the_same_request_is_valid_until_one_is_used(world: &World) {
    let here = world.member(&ada()).await;
    world.send(&verify(&here)).await;
    let first = world.token_to(OLD, "confirm_email", 1).await;
    world.send(&verify(&here)).await;
    let second = world.token_to(OLD, "confirm_email", 2).await;
    assert_ne!(first, second);
    assert_eq!(world.send(&confirm(&here, &first)).await.status, 204);
    assert!(is_invalid(&world.send(&confirm(&here, &second)).await));
}

async fn a_link_is_for_one_user_and_one_purpose(world: &World) {
    let eve = world.member(&Person::new("eve@example.org")).await;
    let here = world.member(&ada()).await;
    change(world, &here, &ada(), NEW).await;
    let token = world.token_to(NEW, "confirm_email", 1).await;
    assert!(is_invalid(&world.send(&confirm(&eve, &token)).await), "it is another user's");
    assert!(is_invalid(&world.send(&revert(&token)).await), "it confirms");
    for malformed in ["", "rm_", "x", &token[1..], &format!("{token}A")] {
        assert!(is_invalid(&world.send(&confirm(&here, malformed)).await), "{malformed}");
    }
    assert_eq!(world.send(&confirm(&here, &token)).await.status, 204);
    let undo = world.token_to(OLD, "email_changed", 1).await;
    assert!(is_invalid(&world.send(&confirm(&here, &undo)).await), "it reverts");
    let foreign = Request::new("POST", format!("/users/{}/email/verify", eve.user)).by(&here);
    assert_eq!(world.send(&foreign).await.status, 404);
}

async fn without_mail_no_link_is_sent(world: &World) {
    let here = world.member(&ada()).await;
    let off = world.node_without_mail().await;
    let answer = off.send(&verify(&here)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "mail_not_configured"), "{answer:?}");
    off.stop().await;
}
