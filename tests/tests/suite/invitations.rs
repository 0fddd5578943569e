//! Administrators invite persons, who register by the link of a mail.

use acceptance::smtp::token_in;
use acceptance::{Answer, Node, Person, Request, SignedIn, World, in_each_world, in_one_world};
use serde_json::{Value, json};
use users_infrastructure::RegistrationMode;

in_each_world! {
    an_invited_administrator_accepts_and_signs_in,
    a_resent_invitation_is_extended_and_its_earlier_link_works,
    fifty_acceptances_at_once_create_one_user,
    an_address_with_an_account_is_not_invited,
    an_erased_user_leaves_no_address_in_an_invitation,
}

in_one_world! {
    an_invitation_that_has_ended_is_not_accepted,
    the_list_of_invitations_has_filters_and_pages,
    every_field_of_an_invitation_is_checked,
    without_mail_persons_are_not_invited,
    the_page_of_an_invitation_works_without_javascript,
}

const PASSWORD: &str = "drei blaue Würfel rollen";

async fn invite(node: &Node, admin: &SignedIn, invitation: &Value) -> Answer {
    node.send(&Request::post("/invitations", invitation).by(admin).wait(30)).await
}

/// Invites a person, and returns the path of the invitation and the token of its mail.
async fn invited(world: &World, admin: &SignedIn, email: &str) -> (String, String) {
    let answer = invite(world, admin, &json!({ "email": email })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let path = answer.header("location").unwrap().to_owned();
    (path, token_in(world.mails("invitation", email).await.last().unwrap()))
}

fn accepting(token: &str) -> Request {
    Request::post("/invitations/accept", &json!({ "token": token, "password": PASSWORD }))
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{answer:?}");
}

async fn status(world: &World, admin: &SignedIn, path: &str) -> Value {
    world.send(&Request::get(path).by(admin)).await.json()["status"].clone()
}

async fn an_invited_administrator_accepts_and_signs_in(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let node = world.node_with_registration(RegistrationMode::Closed).await;
    let body = json!({ "email": "Ada@example.org", "role": "admin", "language": "de", "expires_in_days": 3 });
    let answer = invite(&node, &admin, &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let (path, view) = (answer.header("location").unwrap(), answer.json());
    assert_eq!(path, format!("/invitations/{}", view["id"].as_str().unwrap()));
    assert_eq!((&view["status"], &view["role"], &view["language"]), (&json!("pending"), &json!("admin"), &json!("de")));
    assert_eq!((&view["email"], &view["invited_by"]), (&json!("Ada@example.org"), &json!(admin.user)));
    let mails = world.mails("invitation", "Ada@example.org").await;
    assert!(mails.len() == 1 && mails[0].contains("Einladung") && mails[0].contains('3'), "{mails:?}");

    let body = json!({ "token": token_in(&mails[0]), "password": PASSWORD, "name": "Ada Lovelace" });
    let accepted = node.send(&Request::post("/invitations/accept", &body)).await;
    assert_eq!((accepted.status, &accepted.json()["name"]), (201, &json!("Ada Lovelace")), "{accepted:?}");
    let user = accepted.json()["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(accepted.header("location"), Some(format!("/users/{user}").as_str()));
    let ada = node.sign_in(user, &Person::new("ada@example.org")).await;
    let me = node.send(&Request::get("/users/me").by(&ada)).await.json();
    assert_eq!((&me["role"], &me["email_verified"]), (&json!("admin"), &json!(true)), "{me}");
    let view = node.send(&Request::get(path).by(&ada)).await.json();
    assert_eq!((&view["status"], &view["user_id"]), (&json!("accepted"), &json!(user)), "as an administrator: {view}");
    refused(&node.send(&accepting(&token_in(&mails[0]))).await, 422, "token_invalid");

    let lines = "select action || ' ' || actor || ' ' || address from auth_audit_events \
         where action in ('user.invite', 'role.set') order by id";
    let by = admin.user;
    assert_eq!(world.texts(lines).await, [format!("user.invite user:{by} 127.0.0.1"), format!("role.set user:{by} ")]);
    node.stop().await;
}

async fn a_resent_invitation_is_extended_and_its_earlier_link_works(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (path, first) = invited(world, &admin, "ada@example.org").await;
    world.change("update users_invitations set expires_at = created_at").await;
    assert_eq!(status(world, &admin, &path).await, "expired");
    refused(&world.send(&accepting(&first)).await, 422, "token_invalid");
    let resent = world.send(&Request::new("POST", format!("{path}/resend")).by(&admin).wait(30)).await;
    assert_eq!((resent.status, &resent.json()["status"]), (200, &json!("pending")), "{resent:?}");
    let second = token_in(world.mails("invitation", "ada@example.org").await.last().unwrap());
    assert_ne!(first, second);
    assert_eq!(world.send(&accepting(&first)).await.status, 201);
    refused(&world.send(&accepting(&second)).await, 422, "token_invalid");
    let again = world.send(&Request::new("POST", format!("{path}/resend")).by(&admin).wait(30)).await;
    refused(&again, 409, "invitation_accepted");
    let recorded = "select count(*) from auth_audit_events where action = 'invitation.resend'";
    assert_eq!(world.count(recorded).await, 1);
}

async fn fifty_acceptances_at_once_create_one_user(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (_, token) = invited(world, &admin, "ada@example.org").await;
    let answers = world.send_all((0..50).map(|_| accepting(&token))).await;
    let accepted = answers.iter().filter(|answer| answer.status == 201).count();
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| refused(answer, 422, "token_invalid"));
    assert_eq!((accepted, world.count("select count(*) from users_users").await), (1, 2));
}

async fn an_address_with_an_account_is_not_invited(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (path, token) = invited(world, &admin, "ada@example.org").await;
    world.register(&Person::new("ADA@example.org")).await;
    refused(&invite(world, &admin, &json!({ "email": "ada@Example.org" })).await, 409, "email_taken");
    let resend = Request::new("POST", format!("{path}/resend")).by(&admin).wait(30);
    refused(&world.send(&resend).await, 409, "email_taken");
    refused(&world.send(&accepting(&token)).await, 409, "email_taken");
    assert_eq!(status(world, &admin, &path).await, "pending", "nothing was used up");
    assert_eq!(world.mails("invitation", "ada@example.org").await.len(), 1);
}

async fn an_erased_user_leaves_no_address_in_an_invitation(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (accepted, token) = invited(world, &admin, "ada@example.org").await;
    let (other, _) = invited(world, &admin, "ada@example.org").await;
    let user = world.send(&accepting(&token)).await.json()["id"].as_str().unwrap().to_owned();
    let export = world.send(&Request::get(format!("/users/{user}/export")).by(&admin)).await.json();
    assert_eq!(export["data"]["users"]["invitations"].as_array().map(Vec::len), Some(2), "{export}");
    let body = json!({ "reason": "asked for it" }).to_string();
    let erase = Request::new("DELETE", format!("/users/{user}")).body("application/json", body).by(&admin);
    assert_eq!(world.send(&erase.wait(30)).await.status, 204);
    let view = world.send(&Request::get(&accepted).by(&admin)).await.json();
    assert_eq!((&view["status"], view.get("email")), (&json!("accepted"), None), "{view}");
    assert_eq!(world.send(&Request::get(&other).by(&admin)).await.status, 404);
    assert_eq!(world.count("select count(*) from users_invitations where email_canonical is not null").await, 0);
    assert_eq!(world.count("select count(*) from mail_mails").await, 0);
}

async fn an_invitation_that_has_ended_is_not_accepted(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (path, token) = invited(world, &admin, "ada@example.org").await;
    let revoke = || Request::new("DELETE", &path).by(&admin).wait(30);
    assert_eq!(world.send(&revoke()).await.status, 204);
    assert_eq!(world.send(&revoke()).await.status, 204, "a repetition changes nothing");
    assert_eq!(status(world, &admin, &path).await, "revoked");
    refused(&world.send(&accepting(&token)).await, 422, "token_invalid");
    let resend = Request::new("POST", format!("{path}/resend")).by(&admin).wait(30);
    refused(&world.send(&resend).await, 409, "invitation_revoked");
    let recorded = "select count(*) from auth_audit_events where action = 'invitation.revoke'";
    assert_eq!(world.count(recorded).await, 1);

    let (path, token) = invited(world, &admin, "ada@example.org").await;
    world.change("update users_invitations set expires_at = created_at where revoked_at is null").await;
    refused(&world.send(&accepting(&token)).await, 422, "token_invalid");
    assert_eq!(status(world, &admin, &path).await, "expired");

    let (path, token) = invited(world, &admin, "ada@example.org").await;
    let short = json!({ "token": token, "password": "short" });
    let answer = world.send(&Request::post("/invitations/accept", &short)).await;
    assert_eq!(answer.violations(), [("/password".to_owned(), "password_too_short".to_owned())]);
    assert_eq!(world.send(&accepting(&token)).await.status, 201, "a refused password does not use the token up");
    let revoke = Request::new("DELETE", &path).by(&admin).wait(30);
    refused(&world.send(&revoke).await, 409, "invitation_accepted");
    let missing = "/invitations/0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091";
    assert_eq!(world.send(&Request::new("DELETE", missing).by(&admin)).await.status, 404);
}

async fn the_list_of_invitations_has_filters_and_pages(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    for n in 0..3 {
        invited(world, &admin, &format!("person{n}@example.org")).await;
    }
    let get = async |query: &str| world.send(&Request::get(format!("/invitations{query}")).by(&admin)).await;
    let emails = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|it| it["email"].as_str().unwrap()[..7].to_owned()).collect()
    };
    let first = get("?limit=2").await;
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let first = first.json();
    assert_eq!(emails(&first), ["person2", "person1"]);
    let rest = get(&format!("?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await.json();
    assert_eq!((emails(&rest), &rest["next_cursor"]), (vec!["person0".to_owned()], &Value::Null));
    world.change("update users_invitations set revoked_at = created_at where email like 'person1%'").await;
    world.change("update users_invitations set expires_at = created_at where email like 'person2%'").await;
    for (status, expected) in
        [("pending", &["person0"][..]), ("revoked", &["person1"]), ("expired", &["person2"]), ("accepted", &[])]
    {
        assert_eq!(emails(&get(&format!("?status={status}")).await.json()), expected, "{status}");
    }
    assert_eq!(get("?status=open").await.violations(), [("?status".to_owned(), "filter_invalid".to_owned())]);
}

async fn every_field_of_an_invitation_is_checked(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    for (field, value, code) in [
        ("role", json!("wizard"), "role_unknown"),
        ("language", json!("../../etc"), "language_invalid"),
        ("expires_in_days", json!(0), "days_out_of_range"),
        ("expires_in_days", json!(31), "days_out_of_range"),
        ("email", json!("nonsense"), "email_invalid"),
    ] {
        let mut body = json!({ "email": "ada@example.org" });
        body[field] = value;
        let answer = invite(world, &admin, &body).await;
        assert_eq!(answer.violations(), [(format!("/{field}"), code.to_owned())], "{answer:?}");
    }
    assert_eq!(world.count("select count(*) from users_invitations").await, 0);
}

async fn without_mail_persons_are_not_invited(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (path, _) = invited(world, &admin, "ada@example.org").await;
    let node = world.node_without_mail().await;
    refused(&invite(&node, &admin, &json!({ "email": "eve@example.org" })).await, 503, "mail_not_configured");
    let resend = Request::new("POST", format!("{path}/resend")).by(&admin);
    refused(&node.send(&resend).await, 503, "mail_not_configured");
    node.stop().await;
}

async fn the_page_of_an_invitation_works_without_javascript(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (_, token) = invited(world, &admin, "ada@example.org").await;
    for _ in 0..50 {
        let page = world.get(&format!("/invitation?token={token}")).await;
        assert!(page.status == 200 && page.body.contains("action=\"invitation\""), "{page:?}");
    }
    let kind = "application/x-www-form-urlencoded";
    let form = Request::new("POST", "/invitation").body(kind, format!("token={token}&password=a+long+password+for+it"));
    let done = world.send(&form).await;
    assert!(done.status == 200 && done.body.contains("You can sign in now"), "{done:?}");
    assert!(world.verify("ada@example.org", "a long password for it").await.is_some());
}
