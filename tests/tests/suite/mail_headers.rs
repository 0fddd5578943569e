//! Input of clients adds no header and no recipient to a mail, and every address that Roster accepts gets its mail.

use acceptance::smtp::{ReceivedMail, SmtpServer};
use acceptance::{Answer, Node, Person, Request, World, in_one_idle_world};
use serde_json::json;
use std::collections::BTreeSet;
use users_infrastructure::RegistrationMode;

in_one_idle_world! {
    line_breaks_in_names_and_addresses_reach_no_mail,
    unusual_addresses_get_their_mail,
}

/// The headers that every mail has, and no others.
const HEADERS: [&str; 8] =
    ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"];

/// A worker that sends by this server, and an API process where users confirm their address.
async fn nodes(world: &World, smtp: &SmtpServer) -> (Node, Node) {
    let worker = world.node_with_mail(&smtp.url(), false).await;
    (worker, world.node_with_registration(RegistrationMode::Verified).await)
}

async fn settled(world: &World) {
    world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
}

fn is_refused(answer: &Answer, field: &str) {
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.violations().iter().any(|(pointer, _)| pointer == &format!("/{field}")), "{answer:?}");
}

/// The mail has the usual headers, each once, and one recipient.
fn is_plain(mail: &ReceivedMail, to: &str) {
    assert_eq!(mail.to, [to]);
    let (head, _) = mail.raw.split_once("\r\n\r\n").unwrap();
    let names = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    let mut names: Vec<_> = names.map(|line| line.split_once(": ").unwrap_or((line, "")).0).collect();
    names.sort_unstable();
    assert_eq!(names, HEADERS, "{head}");
    assert!(!mail.raw.contains("evil.example"), "{}", mail.raw);
}

const ATTACKS: [&str; 7] = [
    "Ada\r\nBcc: eve@evil.example",
    "Ada\nBcc: eve@evil.example",
    "Ada\rBcc: eve@evil.example",
    "Ada\r\n\r\nVisit https://evil.example",
    "Ada\r\n.\r\nMAIL FROM:<eve@evil.example>",
    "Ada\u{85}Bcc: eve@evil.example",
    "Ada\u{2028}Bcc: eve@evil.example",
];

/// ASVS 1.3.11
async fn line_breaks_in_names_and_addresses_reach_no_mail(world: &World) {
    let smtp = SmtpServer::start();
    let (worker, api) = nodes(world, &smtp).await;
    let admin = world.administrator("admin@example.org").await;
    let ada = Person::new("ada@example.org");
    let here = world.member(&ada).await;
    let invitation = json!({ "email": "guest@example.org" });
    assert_eq!(api.send(&Request::post("/invitations", &invitation).by(&admin).wait(30)).await.status, 201);
    settled(world).await;
    let before = smtp.mails().len();
    let token = smtp.mails().last().unwrap().token();
    for attack in ATTACKS {
        let address = attack.replacen("Ada", "ada@example.org", 1);
        is_refused(&api.send(&Person::new("new@example.org").called(attack).sign_up()).await, "name");
        is_refused(&api.send(&here.updating(&json!({ "name": attack })).by(&here)).await, "name");
        let accept = json!({ "token": token, "password": ada.password, "name": attack });
        is_refused(&api.send(&Request::post("/invitations/accept", &accept)).await, "name");
        for text in [address.as_str(), &attack.replacen("Ada", "ada", 1), &format!("{}@example.org", &attack[3..])] {
            is_refused(&api.send(&Person::new(text).sign_up()).await, "email");
            is_refused(&api.send(&Request::post("/auth/password/forgot", &json!({ "email": text }))).await, "email");
            is_refused(&api.send(&Request::post("/invitations", &json!({ "email": text })).by(&admin)).await, "email");
            let patch = json!({ "email": text, "current_password": ada.password });
            is_refused(&api.send(&here.updating(&patch).by(&here)).await, "email");
        }
        let invitation = json!({ "email": "new@example.org", "language": attack.replacen("Ada", "de", 1) });
        is_refused(&api.send(&Request::post("/invitations", &invitation).by(&admin)).await, "language");
    }
    settled(world).await;
    assert_eq!(smtp.mails().len(), before, "nothing was sent");

    // White space around an address or a name is removed.
    let padded = Person::new("\r\n grace@example.org\r\n").called(" Grace: Hopper\u{a0}");
    assert_eq!(api.send(&padded.sign_up().wait(30)).await.status, 200);
    settled(world).await;
    let mails = smtp.mails();
    assert_eq!(mails.len(), before + 1);
    is_plain(mails.last().unwrap(), "grace@example.org");
    api.stop().await;
    worker.stop().await;
}

async fn unusual_addresses_get_their_mail(world: &World) {
    let smtp = SmtpServer::start();
    let (worker, api) = nodes(world, &smtp).await;
    let (long, label) = ("a".repeat(64), "d".repeat(60));
    let longest = format!("{long}@{label}.{label}.{label}.ee.org");
    assert_eq!(longest.len(), 254);
    // What the user types, and the recipient of the mail.
    let people = [
        ("ada+news@example.org", "ada+news@example.org"),
        ("O'Brien@example.org", "O'Brien@example.org"),
        ("a!#$%&'*+/=?^_`{|}~-b@example.org", "a!#$%&'*+/=?^_`{|}~-b@example.org"),
        ("bcc@example.org", "bcc@example.org"),
        ("a@b.c.d.example.org", "a@b.c.d.example.org"),
        ("Ada@B\u{fc}cher.example", "Ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8}", "ada@xn--r8jz45g.xn--zckzah"),
        (&longest, &longest),
    ];
    for (n, (typed, to)) in people.iter().enumerate() {
        let asked = api.send(&Person::new(*typed).sign_up().wait(30)).await;
        assert_eq!(asked.status, 200, "{typed}: {asked:?}");
        settled(world).await;
        let mails = smtp.mails();
        assert_eq!(mails.len(), n + 1, "{typed}");
        is_plain(&mails[n], to);
    }
    let states: BTreeSet<_> = world.texts("select status from mail_mails").await.into_iter().collect();
    assert_eq!(states, ["sent".to_owned()].into());

    // The link to the longest address works.
    let token = smtp.mails().last().unwrap().token();
    let confirm = json!({ "token": token, "password": "correct horse battery staple" });
    let confirmed = api.send(&Request::post("/users/confirm", &confirm).wait(30)).await;
    assert_eq!(confirmed.status, 201, "{confirmed:?}");
    for quoted in ["\"a b\"@example.org", "\"a\\\"b\"@example.org", "ada@[127.0.0.1]", "ada(x)@example.org"] {
        is_refused(&api.send(&Person::new(quoted).sign_up()).await, "email");
    }
    api.stop().await;
    worker.stop().await;
}
