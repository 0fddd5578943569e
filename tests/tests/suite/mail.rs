//! Mails are durable messages: sent once the mail server takes them, repeated until then, and visible.

use acceptance::smtp::{SmtpBehaviour, SmtpServer};
use acceptance::{
    Answer, Node, PATIENCE, Person, Request, SignedIn, World, in_each_idle_world, in_each_world, in_one_idle_world,
    in_one_world,
};
use contracts::{MailTemplate, SendMail};
use identity::{Email, MailId, UserId};
use persistence::sql;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

in_each_world! {
    the_sixth_mail_of_a_kind_to_one_recipient_is_not_sent,
    nothing_is_sent_to_an_erased_user_and_no_mail_is_kept,
}

in_each_idle_world! {
    a_mail_that_the_server_puts_off_is_sent_later_with_the_same_id,
    a_mail_that_the_server_refuses_ends_at_once_and_can_be_sent_again,
    a_mail_server_that_is_gone_for_ten_minutes_loses_nothing,
}

in_one_idle_world! {
    a_server_that_hangs_up_before_its_reply_gets_the_same_mail_twice_at_most,
    a_silent_server_delays_a_mail,
    a_server_that_is_silent_after_its_reply_gets_a_mail_once,
    a_mail_is_given_up_after_a_day,
    no_mail_goes_to_a_server_with_a_wrong_certificate,
    no_mail_goes_unencrypted_where_tls_is_required,
    a_mail_is_written_as_the_standards_ask,
}

in_one_world! {
    the_mailbox_shows_mails_on_this_machine_alone,
}

fn test_mail(to: &str) -> SendMail {
    let to = Email::parse(to).unwrap();
    let (id, template) = (MailId::random(), MailTemplate::Test);
    SendMail { id, template, to, user_id: None, language: None, parameters: [].into(), token: None }
}

/// The view of a mail, as soon as `fits` says so.
async fn mail(node: &Node, id: MailId, admin: &SignedIn, fits: impl Fn(&Value) -> bool) -> Value {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let answer = node.send(&Request::get(format!("/mails/{id}")).by(admin)).await;
        if answer.status == 200 && fits(&answer.json()) {
            return answer.json();
        }
        assert!(Instant::now() < give_up, "{answer:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn has_ended(mail: &Value) -> bool {
    mail["status"] != "queued"
}

/// A worker that sends by this server, and an administrator.
async fn sending(world: &World, server: &SmtpServer) -> (Node, SignedIn) {
    let node = world.node_with_mail(&server.url(), false).await;
    let admin = world.administrator("admin@example.org").await;
    (node, admin)
}

async fn a_mail_that_the_server_puts_off_is_sent_later_with_the_same_id(world: &World) {
    let server = SmtpServer::start();
    let (node, admin) = sending(world, &server).await;
    server.next(&[
        SmtpBehaviour::Greeting("421 4.3.2 closing"),
        SmtpBehaviour::Recipient("450 4.2.1 busy"),
        SmtpBehaviour::Content("451 4.3.0 later"),
    ]);
    let asked = test_mail("Ada@example.org");
    world.ask_for_mail(&asked).await;
    let queued = mail(&node, asked.id, &admin, |it| it["attempts"] == 1).await;
    assert_eq!((&queued["status"], &queued["to"]), (&json!("queued"), &json!("Ada@example.org")));
    assert!(queued["last_answer"].as_str().unwrap().contains("421"), "{queued}");
    let sent = mail(&node, asked.id, &admin, has_ended).await;
    assert_eq!((&sent["status"], &sent["attempts"]), (&json!("sent"), &json!(4)), "{sent}");
    assert!(sent["last_answer"].as_str().unwrap().contains("250 2.0.0 taken"), "{sent}");
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].to.as_slice(), server.connections()), (["Ada@example.org".to_owned()].as_slice(), 4));
    assert_eq!(mails[0].message_id, format!("{}@example.org", asked.id));
    node.stop().await;
}

async fn a_mail_that_the_server_refuses_ends_at_once_and_can_be_sent_again(world: &World) {
    let server = SmtpServer::start();
    let (node, admin) = sending(world, &server).await;
    server.next(&[SmtpBehaviour::Recipient("550 5.1.1 no such mailbox")]);
    let asked = test_mail("ada@example.org");
    world.ask_for_mail(&asked).await;
    let failed = mail(&node, asked.id, &admin, has_ended).await;
    assert_eq!((&failed["status"], &failed["attempts"]), (&json!("failed"), &json!(1)), "{failed}");
    assert!(failed["last_answer"].as_str().unwrap().contains("550"), "{failed}");
    let list = node.send(&Request::get("/mails?status=failed&to=ADA@example.org").by(&admin)).await.json();
    assert_eq!(list["data"], json!([failed]));

    let resend = Request::new("POST", format!("/mails/{}/resend", asked.id)).by(&admin).wait(30);
    assert_eq!(node.send(&resend).await.status, 200);
    assert_eq!(mail(&node, asked.id, &admin, has_ended).await["status"], "sent");
    assert_eq!(server.mails().len(), 1);
    let again = node.send(&resend).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (409, Some("mail_not_resendable")), "{again:?}");
    assert_eq!(
        node.send(&Request::new("POST", format!("/mails/{}/resend", MailId::random())).by(&admin)).await.status,
        404
    );
    node.stop().await;
}

async fn a_mail_server_that_is_gone_for_ten_minutes_loses_nothing(world: &World) {
    let server = SmtpServer::start();
    let (node, admin) = sending(world, &server).await;
    server.always(SmtpBehaviour::Greeting("421 4.3.2 closing"));
    let asked: Vec<_> = (0..5).map(|n| test_mail(&format!("user{n}@example.org"))).collect();
    for mail in &asked {
        world.ask_for_mail(mail).await;
    }
    // Nine attempts take about eight minutes; each row is made due at once.
    let due = "update ledger_messages set next_attempt_at = accepted_at where status = 'accepted' and name = 'mail.deliver_mail.v1'";
    let give_up = Instant::now() + PATIENCE;
    while world.count("select count(*) from mail_mails where attempts < 9").await > 0 {
        assert!(Instant::now() < give_up);
        world.change(due).await;
        sleep(Duration::from_millis(20)).await;
    }
    let registered = node.send(&Person::new("eve@example.org").sign_up().wait(30)).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    server.always(SmtpBehaviour::Accept);
    world.change(due).await;
    for it in &asked {
        assert_eq!(mail(&node, it.id, &admin, has_ended).await["status"], "sent");
    }
    assert_eq!(server.mails().len(), 5);
    node.stop().await;
}

async fn a_server_that_hangs_up_before_its_reply_gets_the_same_mail_twice_at_most(world: &World) {
    let server = SmtpServer::start();
    let (node, admin) = sending(world, &server).await;
    server.next(&[SmtpBehaviour::CutAfterContent]);
    let asked = test_mail("ada@example.org");
    world.ask_for_mail(&asked).await;
    assert_eq!(mail(&node, asked.id, &admin, has_ended).await["status"], "sent");
    let ids: Vec<_> = server.mails().into_iter().map(|mail| mail.message_id).collect();
    let id = format!("{}@example.org", asked.id);
    assert_eq!(ids, [id.clone(), id]);
    node.stop().await;
}

async fn a_silent_server_delays_a_mail(world: &World) {
    let server = SmtpServer::start();
    let (node, admin) = sending(world, &server).await;
    server.next(&[SmtpBehaviour::Silent]);
    let asked = test_mail("ada@example.org");
    world.ask_for_mail(&asked).await;
    let put_off = mail(&node, asked.id, &admin, |it| it["attempts"] == 1).await;
    assert_eq!(put_off["last_answer"], "the server did not answer in time");
    assert_eq!(mail(&node, asked.id, &admin, has_ended).await["status"], "sent");
    node.stop().await;
}

async fn a_server_that_is_silent_after_its_reply_gets_a_mail_once(world: &World) {
    let server = SmtpServer::start();
    let (node, admin) = sending(world, &server).await;
    server.always(SmtpBehaviour::SilentAfterReply);
    let asked = test_mail("ada@example.org");
    world.ask_for_mail(&asked).await;
    let sent = mail(&node, asked.id, &admin, |it| it["attempts"] == 1).await;
    assert_eq!((&sent["status"], &sent["last_answer"]), (&json!("sent"), &json!("250 2.0.0 taken")), "{sent}");
    assert_eq!((server.mails().len(), server.connections()), (1, 1));
    node.stop().await;
}

async fn a_mail_is_given_up_after_a_day(world: &World) {
    let server = SmtpServer::start();
    let (node, admin) = sending(world, &server).await;
    server.always(SmtpBehaviour::Recipient("450 4.2.1 busy"));
    let asked = test_mail("ada@example.org");
    world.ask_for_mail(&asked).await;
    mail(&node, asked.id, &admin, |it| it["attempts"] == 1).await;
    world.change(sql!("update mail_mails set queued_at = queued_at - {1 d}")).await;
    let failed = mail(&node, asked.id, &admin, has_ended).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(world.count("select count(*) from ledger_messages where status = 'failed'").await, 0);
    node.stop().await;
}

async fn no_mail_goes_to_a_server_with_a_wrong_certificate(world: &World) {
    let server = SmtpServer::start_with_tls("localhost");
    let url = server.url().replace("smtp://", "smtp://roster:canary@");
    let node = world.node_with_mail(&url, true).await;
    let admin = world.administrator("admin@example.org").await;
    let asked = test_mail("ada@example.org");
    world.ask_for_mail(&asked).await;
    let put_off = mail(&node, asked.id, &admin, |it| it["attempts"] == 1).await;
    let answer = put_off["last_answer"].as_str().unwrap();
    assert!(answer.contains("certificate") && !answer.contains("canary"), "{answer}");
    assert!(server.mails().is_empty());
    world.leaves_work();
    node.stop().await;
}

async fn no_mail_goes_unencrypted_where_tls_is_required(world: &World) {
    let server = SmtpServer::start();
    let node = world.node_with_mail(&server.url(), true).await;
    let admin = world.administrator("admin@example.org").await;
    let asked = test_mail("ada@example.org");
    world.ask_for_mail(&asked).await;
    let put_off = mail(&node, asked.id, &admin, |it| it["attempts"] == 1).await;
    assert!(put_off["last_answer"].as_str().unwrap().contains("STARTTLS"), "{put_off}");
    assert!(server.mails().is_empty());
    world.leaves_work();
    node.stop().await;
}

async fn a_mail_is_written_as_the_standards_ask(world: &World) {
    let server = SmtpServer::start();
    let url = server.url().replace("smtp://", "smtp://roster:a%3Apassword@");
    let node = world.node_with_mail(&url, false).await;
    let admin = world.administrator("admin@example.org").await;
    let mut asked = test_mail("O'Brien+{x}@bücher.example");
    asked.language = Some("de".to_owned());
    world.ask_for_mail(&asked).await;
    assert_eq!(mail(&node, asked.id, &admin, has_ended).await["status"], "sent");
    let [received] = &server.mails()[..] else { panic!("one mail") };
    assert_eq!(received.to, ["O'Brien+{x}@xn--bcher-kva.example"]);
    assert_eq!(received.credentials.as_deref(), Some("roster:a:password"));
    assert_eq!(received.subject, "Ein Test von Roster");
    assert!(received.text.contains("E-Mails senden kann") && received.html.contains("<p>"), "{received:?}");
    for header in
        ["Date: ", "MIME-Version: 1.0", "Auto-Submitted: auto-generated", "From: Example <accounts@example.org>"]
    {
        assert!(received.raw.contains(&format!("\n{header}")) || received.raw.starts_with(header), "{}", received.raw);
    }
    node.stop().await;
}

async fn the_sixth_mail_of_a_kind_to_one_recipient_is_not_sent(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let spellings = ["ada@example.org", "ADA@example.org", "Ada@Example.org"];
    let asked: Vec<_> = (0..8).map(|n| test_mail(spellings[n % 3])).collect();
    for mail in &asked {
        world.ask_for_mail(mail).await;
    }
    let other = test_mail("eve@example.org");
    world.ask_for_mail(&other).await;
    let mut sent = 0;
    for it in &asked {
        let mail = mail(world, it.id, &admin, has_ended).await;
        sent += usize::from(mail["status"] == "sent");
        assert!(mail["status"] == "sent" || mail["status"] == "suppressed", "{mail}");
    }
    assert_eq!(sent, 5);
    assert_eq!(mail(world, other.id, &admin, has_ended).await["status"], "sent");
}

async fn nothing_is_sent_to_an_erased_user_and_no_mail_is_kept(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let ada = world.member(&Person::new("ada@example.org")).await;
    let to = |user| SendMail { user_id: Some(user), ..test_mail("ada@example.org") };
    let before = to(UserId::new(ada.user));
    world.ask_for_mail(&before).await;
    mail(world, before.id, &admin, has_ended).await;
    let erase = Request::new("DELETE", format!("/users/{}", ada.user))
        .body("application/json", json!({ "reason": "asked for" }).to_string())
        .by(&admin)
        .wait(30);
    assert_eq!(world.send(&erase).await.status, 204);
    assert_eq!(world.count("select count(*) from mail_mails").await, 0);
    world.ask_for_mail(&to(UserId::new(ada.user))).await;
    world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
    assert_eq!(world.count("select count(*) from mail_mails").await, 0);
}

async fn the_mailbox_shows_mails_on_this_machine_alone(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let empty = page(world, "/mail", "localhost").await;
    assert!(empty.body.contains("No mail yet"), "{empty:?}");
    let asked = test_mail("ada@example.org");
    world.ask_for_mail(&asked).await;
    mail(world, asked.id, &admin, has_ended).await;
    let list = page(world, "/mail", "127.0.0.1:8000").await;
    assert!(list.body.contains("ada@example.org") && list.body.contains(&format!("mail/{}", asked.id)), "{list:?}");
    let one = page(world, &format!("/mail/{}", asked.id), "[::1]:8000").await;
    assert!(one.body.contains("It can."), "{one:?}");
    let html = page(world, &format!("/mail/{}/html", asked.id), "localhost:8000").await;
    assert!(html.header("content-security-policy").unwrap().contains("sandbox"), "{html:?}");
    // A page of another site can give its name the address 127.0.0.1 (DNS rebinding).
    for path in ["/mail".to_owned(), format!("/mail/{}", asked.id), format!("/mail/{}/html", asked.id)] {
        for host in ["evil.example", "evil.example:8000", "localhost.evil.example"] {
            assert_eq!(page(world, &path, host).await.status, 404, "{path} {host}");
        }
        let elsewhere = world.node_without_mail().await;
        assert_eq!(page(&elsewhere, &path, "localhost").await.status, 404);
        elsewhere.stop().await;
    }
    assert_eq!(page(world, &format!("/mail/{}", MailId::random()), "localhost").await.status, 404);
}

async fn page(node: &Node, path: &str, host: &str) -> Answer {
    Request::get(path).host(host).try_send(node.address).await.unwrap()
}
