//! `Idempotency-Key`: a repeated request is the same command.

use acceptance::{
    Answer, Node, Person, Request, World, in_each_idle_world, in_each_world, in_one_world, in_shared_worlds,
};
use identity::UserId;
use kernel::MessageId;
use roster::compose::ProcessRole;
use std::collections::BTreeSet;

in_each_world! {
    the_same_request_under_the_same_key_is_the_same_command,
    a_rejection_is_replayed_too,
    another_key_or_none_is_another_request,
    twenty_at_once_under_one_key_are_one_command,
}

in_each_idle_world! {
    a_key_belongs_to_one_request,
}

in_shared_worlds! {
    two_nodes_at_once_under_one_key_are_one_command,
}

in_one_world! {
    a_key_that_others_could_guess_is_refused,
    without_a_sign_in_a_key_that_others_could_guess_is_refused_and_nothing_is_accepted,
}

const ROUNDS: usize = 20;

fn a_key() -> String {
    MessageId::random().to_string()
}

fn keyed(person: &Person, key: impl AsRef<[u8]>) -> Request {
    person.sign_up().header("Idempotency-Key", key)
}

fn command_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn commands(world: &World) -> i64 {
    world.count("select count(*) from ledger_messages where id = root").await
}

async fn the_same_request_under_the_same_key_is_the_same_command(world: &World) {
    let (person, key) = (Person::new("ada@example.org").called("Ada"), a_key());
    let first = world.send(&keyed(&person, &key)).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let command = command_of(&first);
    for spelling in [key.clone(), format!("\"{key}\""), key.to_uppercase()] {
        let again = world.send(&keyed(&person, spelling)).await;
        assert_eq!(command_of(&again), command);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert_eq!(world.outcome(&first).await["status"], "succeeded");
    let later = world.send(&keyed(&person, &key)).await;
    assert_eq!((command_of(&later), &later.json()["status"]), (command, &"succeeded".into()));
    let waiting = world.send(&keyed(&person, &key).wait(30)).await;
    assert_eq!((waiting.status, waiting.header("idempotency-replayed")), (201, Some("true")), "{waiting:?}");
    assert_eq!(commands(world).await, 1);
}

async fn a_rejection_is_replayed_too(world: &World) {
    let (person, key) = (Person::new("ada@example.org"), a_key());
    world.register(&person).await;
    let first = world.send(&keyed(&person, &key).wait(30)).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (409, None), "{first:?}");
    let again = world.send(&keyed(&person, &key).wait(30)).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "email_taken"), "{again:?}");
    assert_eq!(commands(world).await, 2);
}

async fn a_key_belongs_to_one_request(world: &World) {
    let (person, key) = (Person::new("ada@example.org").called("Ada"), a_key());
    let command = command_of(&world.send(&keyed(&person, &key)).await);
    let others = [
        Person { email: "eve@example.org".into(), ..person.clone() },
        Person { name: None, ..person.clone() },
        Person { name: Some("Eve".into()), ..person.clone() },
        Person { id: Some(UserId::random().as_uuid()), ..person.clone() },
    ];
    for other in others {
        let answer = world.send(&keyed(&other, &key)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "idempotency_key_reused"), "{other:?}");
        assert!(!answer.body.contains(&command), "the answer does not name the command of the key");
    }
    // The password is not compared: that would allow guesses without bcrypt.
    let other = person.clone().with_password("vier gelbe Bälle werfen");
    let answer = world.send(&keyed(&other, &key)).await;
    assert_eq!((command_of(&answer), answer.header("idempotency-replayed")), (command, Some("true")));
    assert_eq!(commands(world).await, 1);
    world.work().await;
    world.until("select count(*) from auth_credentials", 1).await;
    assert!(world.verify(&person.email, &person.password).await.is_some(), "the first one's password");
    assert_eq!(world.verify(&person.email, &other.password).await, None);
}

async fn another_key_or_none_is_another_request(world: &World) {
    let person = Person::new("ada@example.org");
    let requests = [keyed(&person, a_key()), keyed(&person, a_key()), person.sign_up(), person.sign_up()];
    let answers = world.send_all(requests).await;
    assert_eq!(answers.iter().map(command_of).collect::<BTreeSet<_>>().len(), 4);
}

async fn a_key_that_others_could_guess_is_refused(world: &World) {
    let person = Person::new("ada@example.org");
    for (key, code) in [
        (&b"1"[..], "weak_idempotency_key"),
        (b"order-4711", "weak_idempotency_key"),
        (b"'8e03978e-40d5-43e8-bc93-6894a57f9324'", "weak_idempotency_key"),
        (b"", "idempotency_key_invalid"),
        (b"\"\"", "idempotency_key_invalid"),
        (b"two words", "idempotency_key_invalid"),
        (b"\xff\xfe", "idempotency_key_invalid"),
        (&[b'k'; 256], "idempotency_key_invalid"),
    ] {
        let answer = world.send(&keyed(&person, key)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, code), "{key:?}");
    }
    let twice = keyed(&person, a_key()).header("Idempotency-Key", a_key());
    assert_eq!(world.send(&twice).await.problem(), "idempotency_key_invalid");
    assert_eq!(commands(world).await, 0);
}

/// Checks that all answers name one command, and that exactly one is marked as new.
async fn are_one_command(world: &World, answers: &[Answer]) {
    let commands: BTreeSet<_> = answers.iter().map(command_of).collect();
    assert_eq!(commands.len(), 1, "{commands:?}");
    let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count();
    assert_eq!(first, 1, "the others are replays");
    assert_eq!(world.outcome(&answers[0]).await["status"], "succeeded");
}

async fn twenty_at_once_under_one_key_are_one_command(world: &World) {
    for round in 0..ROUNDS {
        let mut person = Person::new(format!("round{round}@example.org"));
        // A client that repeats a request with a chosen id causes no conflict.
        person.id = (round % 2 == 1).then(|| UserId::random().as_uuid());
        let key = a_key();
        are_one_command(world, &world.send_all((0..20).map(|_| keyed(&person, &key))).await).await;
    }
    assert_eq!(commands(world).await, 20);
}

async fn two_nodes_at_once_under_one_key_are_one_command(world: &World) {
    world.work().await;
    let other = world.another_node(ProcessRole::Api, world.keys()).await;
    let nodes: [&Node; 2] = [world, &other];
    for round in 0..ROUNDS {
        let mut person = Person::new(format!("round{round}@example.org"));
        person.id = (round % 2 == 1).then(|| UserId::random().as_uuid());
        let key = a_key();
        let sent: Vec<_> = (0..20).map(|n| nodes[n % 2].begin(keyed(&person, &key))).collect();
        let mut answers = Vec::new();
        for sent in sent {
            answers.push(sent.await.unwrap());
        }
        are_one_command(world, &answers).await;
    }
    assert_eq!(commands(world).await, 20);
    other.stop().await;
}

async fn without_a_sign_in_a_key_that_others_could_guess_is_refused_and_nothing_is_accepted(world: &World) {
    let weak = [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "c232ab00-9414-11ec-b3c8-9f6bdeced846",
        "2ed6657d-e927-568b-95e1-2665a8aea6a2",
        "8e03978e-40d5-43e8-cc93-6894a57f9324",
    ];
    for key in weak {
        for spelling in [key.to_owned(), format!("\"{key}\""), key.to_uppercase(), key.replace('-', "")] {
            let answer = world.send(&keyed(&Person::new("ada@example.org"), &spelling)).await;
            assert_eq!((answer.status, answer.problem().as_str()), (400, "weak_idempotency_key"), "{spelling}");
        }
    }
    assert_eq!(commands(world).await, 0);
    for key in ["9b2fd1a7-c84f-4e7e-8c1a-9a3e0a1b2c3d", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        let person = Person::new(format!("{}@example.org", &key[..8]));
        world.outcome(&world.send(&keyed(&person, key)).await).await;
    }
}
