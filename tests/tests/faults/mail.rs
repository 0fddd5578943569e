//! Kills processes while a worker hands mails to the mail server. Each recipient gets the mail, at most one copy of it
//! more, and the mail ends as sent.

use crate::scale_out::Installation;
use acceptance::process::{Folder, Server, stored, until};
use acceptance::smtp::{ReceivedMail, SmtpBehaviour, SmtpServer};
use persistence::{Db, Tx, execute, fetch_all, fetch_one};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a mail may take after a kill: a lease ends after 15 seconds, and a broker starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);

fn settings(smtp: &SmtpServer) -> [(&'static str, String); 3] {
    [
        ("ROSTER_MAIL", smtp.url()),
        ("ROSTER_MAIL_FROM", "Example <accounts@example.org>".to_owned()),
        ("ROSTER_REGISTRATION", "verified".to_owned()),
    ]
}

/// Asks to register each address, which is answered by a mail.
async fn ask_to_register(api: &Server, people: &[&str]) {
    for email in people {
        let accepted = api.sign_up(&[], &json!({ "email": email })).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
    }
}

/// Waits until the mail server has taken this many mails in total.
async fn taken(smtp: &SmtpServer, count: usize) {
    until(PATIENCE, "mail on its way", async || (smtp.mails().len() == count).then_some(())).await;
}

/// Keeps every worker from storing that a mail is sent.
async fn block_commits(db: &Db) -> Tx {
    let mut blocking = db.begin().await.unwrap();
    // On SQLite an open write transaction blocks the others.
    let lock = ("lock table mail_mails in exclusive mode", "update mail_mails set status = status where false");
    execute!(&mut blocking, lock).unwrap();
    blocking
}

/// Waits until nothing is left to do. Then each of these people has the mail, `copies` times with one `Message-ID`, and its
/// link works.
async fn each_has_the_mail(smtp: &SmtpServer, db: &Db, api: &Server, people: &[&str], copies: usize) {
    let unfinished = "select count(*) from ledger_messages where status in ('accepted', 'running')";
    until(PATIENCE, "end of all messages", async || {
        let (count,) = fetch_one!(&mut db.read().await.unwrap(), (i64,), unfinished).unwrap();
        (count == 0).then_some(())
    })
    .await;
    for email in people {
        let sql = "select status from mail_mails where recipient = $1";
        let states = fetch_all!(&mut db.read().await.unwrap(), (String,), sql, *email).unwrap();
        assert_eq!(states, [("sent".to_owned(),)], "{email}");
        let mails: Vec<ReceivedMail> = smtp.mails().into_iter().filter(|mail| mail.to == [*email]).collect();
        let ids: BTreeSet<_> = mails.iter().map(|mail| mail.message_id.as_str()).collect();
        let tokens: BTreeSet<_> = mails.iter().map(ReceivedMail::token).collect();
        assert_eq!((mails.len(), ids.len(), tokens.len()), (copies, 1, 1), "{mails:#?}");
        let body = json!({ "token": tokens.first(), "password": "correct horse battery staple" });
        let confirmed = api.ask("POST", "/users/confirm", "", Some(&body)).await;
        assert!(matches!(confirmed.status, 201 | 202), "{confirmed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_single_process_during_a_send_repeats_a_mail_once_at_most() {
    let (folder, smtp) = (Folder::new(), SmtpServer::start());
    let roster = folder.roster(&["serve"]).hashing_fast().on_a_fixed_port();
    let roster = settings(&smtp).iter().fold(roster, |roster, (name, value)| roster.set(name, value));
    let mut server = roster.serve().await;
    let db = stored::open(&format!("sqlite://{}/data/roster.db", folder.path().display())).await;

    smtp.next(&[SmtpBehaviour::Silent]);
    let before = ["before@example.org"];
    ask_to_register(&server, &before).await;
    until(PATIENCE, "connection", async || (smtp.connections() == 1).then_some(())).await;
    server.kill_9_and_restart().await;
    each_has_the_mail(&smtp, &db, &server, &before, 1).await;

    smtp.next(&[SmtpBehaviour::Hold]);
    let unanswered = ["unanswered@example.org"];
    ask_to_register(&server, &unanswered).await;
    taken(&smtp, 2).await;
    server.kill_9_and_restart().await;
    each_has_the_mail(&smtp, &db, &server, &unanswered, 2).await;

    smtp.next(&[SmtpBehaviour::Hold]);
    let unstored = ["unstored@example.org"];
    ask_to_register(&server, &unstored).await;
    taken(&smtp, 4).await;
    let (blocking, farewells) = (block_commits(&db).await, smtp.farewells());
    smtp.let_go();
    until(PATIENCE, "answer to the worker", async || (smtp.farewells() > farewells).then_some(())).await;
    server.kill_9();
    drop(blocking);
    server.start_again().await;
    each_has_the_mail(&smtp, &db, &server, &unstored, 2).await;
    assert_eq!(smtp.mails().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_workers_and_the_broker_during_sends_repeats_each_mail_once_at_most() {
    let smtp = SmtpServer::start();
    let Some(mut it) = Installation::start_with(&settings(&smtp)).await else { return };

    smtp.always(SmtpBehaviour::Hold);
    let unanswered = ["a@example.org", "b@example.org", "c@example.org"];
    ask_to_register(&it.api, &unanswered).await;
    taken(&smtp, 3).await;
    it.broker.kill();
    it.workers.iter_mut().for_each(Server::kill_9);
    smtp.always(SmtpBehaviour::Accept);
    restart(&mut it).await;
    each_has_the_mail(&smtp, &it.db, &it.api, &unanswered, 2).await;

    smtp.always(SmtpBehaviour::Hold);
    let unstored = ["d@example.org", "e@example.org", "f@example.org"];
    ask_to_register(&it.api, &unstored).await;
    taken(&smtp, 9).await;
    let (blocking, farewells) = (block_commits(&it.db).await, smtp.farewells());
    smtp.let_go();
    until(PATIENCE, "answers to the workers", async || (smtp.farewells() == farewells + 3).then_some(())).await;
    it.workers.iter_mut().for_each(Server::kill_9);
    it.broker.kill();
    drop(blocking);
    smtp.always(SmtpBehaviour::Accept);
    restart(&mut it).await;
    each_has_the_mail(&smtp, &it.db, &it.api, &unstored, 2).await;
    assert_eq!(smtp.mails().len(), 12);
    assert!(it.folder.printed().contains("leases expired"), "no kill hit a message");
}

async fn restart(it: &mut Installation) {
    it.broker.start();
    for worker in &mut it.workers {
        worker.start_again().await;
    }
    it.hints_go_through().await;
}
