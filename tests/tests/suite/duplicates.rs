//! A mailbox and an id belong to one user each, even if many clients ask for them at once.

use acceptance::{Person, World, in_each_idle_world, in_each_world};
use identity::UserId;
use kernel::MessageId;

in_each_world! {
    one_of_fifty_concurrent_sign_ups_with_one_address_succeeds,
    one_of_fifty_concurrent_sign_ups_with_one_id_succeeds,
}

in_each_idle_world! {
    spellings_of_one_mailbox_are_one_user,
    invisible_characters_around_an_address_are_neither_stored_nor_shown,
    an_id_that_is_taken_or_about_to_be_is_refused_at_once,
}

/// The rows of registrations and of what users and auth do for them. Other contexts may react, too.
const OURS: &str = "select count(*) from ledger_messages where status = 'succeeded' and context in ('users', 'auth')";
const ROUNDS: usize = 20;
const AT_ONCE: usize = 50;

async fn spellings_of_one_mailbox_are_one_user(world: &World) {
    let mailboxes = [
        ["ada@example.org", "Ada@Example.ORG", "ADA@EXAMPLE.ORG", "ada@ｅｘａｍｐｌｅ.org"],
        ["a@bücher.example", "a@BÜCHER.example", "A@xn--bcher-kva.example", "a@bu\u{308}cher.example"],
        // Tags and dots are part of the address: only the mail server knows what they mean.
        ["b.c@example.org", "B.C@example.org", "b.c@EXAMPLE.org", "b.C@Example.Org"],
    ];
    let mut accepted = Vec::new();
    for email in mailboxes.as_flattened() {
        accepted.push(world.send(&Person::new(*email).sign_up()).await);
    }
    world.work().await;
    for spellings in accepted.chunks(4) {
        let mut statuses = Vec::new();
        for answer in spellings {
            statuses.push(world.outcome(answer).await["status"].as_str().unwrap().to_owned());
        }
        statuses.sort();
        assert_eq!(statuses, ["rejected", "rejected", "rejected", "succeeded"]);
    }
    let mut kept = world.texts("select email_canonical from users_users").await;
    kept.sort();
    assert_eq!(kept, ["a@xn--bcher-kva.example", "ada@example.org", "b.c@example.org"]);
    let shown = world.texts("select email from users_users").await;
    assert!(shown.iter().all(|email| mailboxes.as_flattened().contains(&email.as_str())), "as typed: {shown:?}");
    for other in ["bc@example.org", "b.c+tag@example.org"] {
        world.register(&Person::new(other)).await;
    }
}

async fn invisible_characters_around_an_address_are_neither_stored_nor_shown(world: &World) {
    let mut accepted = Vec::new();
    for email in [" Ada@exam\u{200b}ple.org\r\n", "\u{feff}Grace@Exam\u{ad}ple.ORG"] {
        accepted.push(world.send(&Person::new(email).sign_up()).await);
    }
    world.work().await;
    for answer in &accepted {
        assert_eq!(world.outcome(answer).await["status"], "succeeded");
    }
    let mut kept = world.texts("select email from users_users").await;
    kept.sort();
    assert_eq!(kept, ["Ada@example.org", "Grace@example.org"]);
    let mut compared = world.texts("select email_canonical from users_users").await;
    compared.sort();
    assert_eq!(compared, ["ada@example.org", "grace@example.org"]);
}

/// Sends these sign-ups at once, half of them waiting for the outcome. Exactly one succeeds; the others are rejected
/// with this code. Returns the index of the winner.
async fn one_wins(world: &World, people: &[Person], code: &str, pointer: &str) -> usize {
    let sign_up = |(n, person): (usize, &Person)| {
        let request = person.sign_up().header("Idempotency-Key", MessageId::random().to_string());
        if n % 2 == 0 { request } else { request.wait(30) }
    };
    let answers = world.send_all(people.iter().enumerate().map(sign_up)).await;
    let mut winners = Vec::new();
    for (n, answer) in answers.iter().enumerate() {
        match answer.status {
            201 => winners.push(n),
            409 => {
                assert_eq!(answer.problem(), code, "{answer:?}");
                assert_eq!(answer.violations(), [(pointer.to_owned(), code.to_owned())]);
            }
            _ => {
                let command = world.outcome(answer).await;
                if command["status"] == "succeeded" {
                    winners.push(n);
                } else {
                    assert_eq!((&command["status"], &command["error"]["code"]), (&"rejected".into(), &code.into()));
                }
            }
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    winners[0]
}

async fn one_of_fifty_concurrent_sign_ups_with_one_address_succeeds(world: &World) {
    for round in 0..ROUNDS {
        let email = format!("round{round}@example.org");
        let people: Vec<_> = (0..AT_ONCE)
            .map(|n| if n % 2 == 0 { Person::new(&email) } else { Person::new(email.to_uppercase()) })
            .collect();
        one_wins(world, &people, "email_taken", "/email").await;
    }
    assert_eq!(world.count("select count(*) from users_users").await, 20);
    assert_eq!(world.count("select count(*) from ledger_messages where status = 'rejected'").await, 20 * 49);
    assert_eq!(world.count(OURS).await, 20 * 3);
}

async fn one_of_fifty_concurrent_sign_ups_with_one_id_succeeds(world: &World) {
    for round in 0..ROUNDS {
        let id = UserId::random().as_uuid();
        let person = |n| {
            let person = Person::new(format!("person{n}.{round}@example.org")).called(format!("{n}")).with_id(id);
            person.with_password(format!("drei blaue Würfel rollen {n}"))
        };
        let people: Vec<_> = (0..AT_ONCE).map(person).collect();
        let number = one_wins(world, &people, "id_taken", "/id").await;
        let (winner, loser) = (&people[number], &people[(number + 1) % AT_ONCE]);
        assert_eq!(world.get(format!("/users/{id}")).await.json()["name"], number.to_string());
        assert_eq!(world.verify(&winner.email, &winner.password).await, Some(id), "the winner's own password");
        assert_eq!(world.verify(&winner.email, &loser.password).await, None);
        assert_eq!(world.verify(&loser.email, &loser.password).await, None);
    }
    assert_eq!(world.count("select count(*) from users_users").await, 20);
}

async fn an_id_that_is_taken_or_about_to_be_is_refused_at_once(world: &World) {
    let id = UserId::random().as_uuid();
    let (first, second) = (Person::new("ada@example.org").with_id(id), Person::new("eve@example.org").with_id(id));
    let accepted = world.send(&first.sign_up()).await;
    let refused = async || {
        let answer = world.send(&second.sign_up()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "id_taken"), "{answer:?}");
        assert_eq!(answer.violations(), [("/id".to_owned(), "id_taken".to_owned())]);
        assert_eq!(world.count("select count(*) from ledger_messages where id = root").await, 1, "nothing is written");
    };
    refused().await;
    world.work().await;
    assert_eq!(world.outcome(&accepted).await["status"], "succeeded");
    refused().await;
}
