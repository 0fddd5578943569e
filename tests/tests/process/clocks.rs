//! A process whose clock is five minutes wrong sends each mail once, and its links work for their hour. Beside a database
//! whose clock is right, it accepts the codes of authenticator apps.

use crate::{SOON, databases, on};
use acceptance::process::{Folder, stored, until};
use acceptance::smtp::{SmtpBehaviour, SmtpServer};
use acceptance::{Authenticator, Request};
use persistence::{Db, execute, fetch_one, sql};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// In seconds.
const FIVE_MINUTES: i64 = 300;
/// How long all mails may take, on a busy machine: far less than the clocks are apart.
const MINUTE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "correct horse battery staple";

/// The library that moves the clock of a process. The linker of Rust's programs, which is a C compiler, makes it.
fn library(folder: &Folder) -> PathBuf {
    let (source, library) = (folder.path().join("clock.c"), folder.path().join("clock.so"));
    std::fs::write(&source, include_str!("wrong_clock.c")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test of the process makes the library")]
    let mut compiler = Command::new("cc");
    assert!(compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap().success());
    library
}

async fn count(db: &Db, sql: &'static str) -> i64 {
    fetch_one!(&mut db.read().await.unwrap(), (i64,), sql).unwrap().0
}

/// Waits until nothing is left to do.
async fn all_done(db: &Db) {
    let unfinished = "select count(*) from ledger_messages where status in ('accepted', 'running')";
    until(MINUTE, "end of all messages", async || (count(db, unfinished).await == 0).then_some(())).await;
}

/// The token of the only mail to an address with this subject.
async fn token(db: &Db, smtp: &SmtpServer, email: &str, subject: &str) -> String {
    all_done(db).await;
    let mails: Vec<_> = smtp.mails().into_iter().filter(|mail| mail.to == [email] && mail.subject == subject).collect();
    assert_eq!(mails.len(), 1, "{subject} to {email}: {mails:#?}");
    mails[0].token()
}

/// Makes the links of all users who forgot their password older.
async fn minutes_pass(db: &Db, minutes: i64) {
    let mut tx = db.begin().await.unwrap();
    let sql =
        sql!("update auth_mail_tokens set created_at = created_at - {$1 min}, expires_at = expires_at - {$1 min}");
    assert!(execute!(&mut tx, sql, minutes).unwrap() > 0);
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_clock_five_minutes_ahead_each_mail_is_sent_once_and_links_work_for_their_hour() {
    for database in databases().await {
        mails_and_links(database.as_ref(), FIVE_MINUTES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_clock_five_minutes_behind_each_mail_is_sent_once_and_links_work_for_their_hour() {
    for database in databases().await {
        mails_and_links(database.as_ref(), -FIVE_MINUTES).await;
    }
}

/// Runs a process whose clock is `ahead` seconds ahead. On PostgreSQL, whose clock is right, an API process whose clock is
/// right runs beside it.
async fn mails_and_links(database: Option<&String>, ahead: i64) {
    let (folder, smtp) = (Folder::new(), SmtpServer::start());
    let library = library(&folder);
    let roster = |arguments: &[&str]| {
        let roster = on(&folder, database, arguments).set("ROSTER_REGISTRATION", "verified");
        roster.set("ROSTER_MAIL", smtp.url()).set("ROSTER_MAIL_FROM", "accounts@example.org")
    };
    let wrong =
        |arguments: &[&str]| roster(arguments).set("LD_PRELOAD", &library).set("CLOCK_AHEAD", ahead.to_string());
    let mut servers = vec![wrong(&[]).serve().await];
    if database.is_some() {
        servers.push(roster(&["serve", "--role", "api"]).serve().await);
        let checked = wrong(&["check"]).run(SOON).await;
        assert!(checked.stdout.contains("FAIL clock"), "the clock is wrong: {checked:?}");
    }
    let server = |n: usize| &servers[n % servers.len()];
    let sqlite = format!("sqlite://{}/data/roster.db", folder.path().display());
    let db = stored::open(database.unwrap_or(&sqlite)).await;

    // The mail server puts each mail off once.
    smtp.next(&[SmtpBehaviour::Content("451 4.3.0 later"); 4]);
    let people: Vec<_> = (0..4).map(|n| format!("person{n}@example.org")).collect();
    for (n, email) in people.iter().enumerate() {
        let accepted = server(n).sign_up(&[], &json!({ "email": email })).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
    }
    for (n, email) in people.iter().enumerate() {
        let token = token(&db, &smtp, email, "Confirm your registration").await;
        let confirm = Request::post("/users/confirm", &json!({ "token": token, "password": PASSWORD })).wait(60);
        let confirmed = confirm.try_send(server(n + 1).at()).await.unwrap();
        assert_eq!(confirmed.status, 201, "{confirmed:?}");
    }
    // Each server takes a link that is 59 minutes old, and refuses one of 61 minutes.
    for (n, email) in people.iter().enumerate() {
        let asked = server(n).ask("POST", "/auth/password/forgot", "", Some(&json!({ "email": email }))).await;
        assert_eq!(asked.status, 202, "{asked:?}");
        let token = token(&db, &smtp, email, "Choose a new password").await;
        let (minutes, expected) = if n < 2 { (59, 204) } else { (61, 422) };
        minutes_pass(&db, minutes).await;
        let body = json!({ "token": token, "password": "another horse, another staple" });
        let answer = server(n).ask("POST", "/auth/password/reset", "", Some(&body)).await;
        assert_eq!(answer.status, expected, "after {minutes} minutes: {answer:?}");
    }
    // The clock of the database decides about codes of authenticator apps; on SQLite it is that of the process.
    if database.is_some() {
        for n in 0..2 {
            let person = json!({ "email": people[2 + n], "password": PASSWORD });
            let signed_in = server(n).ask("POST", "/auth/login", "", Some(&person)).await;
            let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
            let begun = server(n).ask("POST", "/auth/totp", &token, None).await;
            let app = Authenticator::with_secret(begun.json()["secret"].as_str().unwrap());
            let body = json!({ "code": app.code() });
            let confirmed = server(n + 1).ask("POST", "/auth/totp/confirm", &token, Some(&body)).await;
            assert_eq!(confirmed.status, 200, "{confirmed:?}");
            let asked = server(n).ask("POST", "/auth/login", "", Some(&person)).await;
            let body = json!({ "challenge": asked.json()["challenge"], "code": app.code_in(1) });
            let signed_in = server(n + 1).ask("POST", "/auth/login/second-factor", "", Some(&body)).await;
            assert_eq!(signed_in.status, 200, "{signed_in:?}");
        }
    }
    all_done(&db).await;
    let sent = count(&db, "select count(*) from mail_mails where status = 'sent'").await;
    assert_eq!(sent, count(&db, "select count(*) from mail_mails").await);
    assert_eq!(usize::try_from(sent).unwrap(), smtp.mails().len());
}
