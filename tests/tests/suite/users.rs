//! A person signs up, the password is stored as a hash, and the user can be read.

use acceptance::{Kind, PATIENCE, Person, Request, World, in_each_idle_world, in_each_world, logs};
use kernel::MessageId;
use persistence::fetch_all;
use roster::compose::ProcessRole;
use sealing::Keys;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

in_each_world! {
    a_sign_up_succeeds_together_with_its_follow_ups,
    a_person_is_read_back_as_they_wrote_their_name,
    only_the_right_password_fits,
    a_password_is_the_same_on_every_keyboard,
    every_byte_of_a_password_of_1024_bytes_counts,
    a_rejected_sign_up_says_why_and_leaves_nothing,
}

in_each_idle_world! {
    a_sign_up_is_accepted_with_where_to_ask_and_when,
    a_registration_has_not_succeeded_before_the_credential_is_stored,
    a_password_that_this_worker_cannot_open_waits_for_one_that_can,
    a_password_is_written_nowhere,
    finished_messages_keep_no_payload,
}

/// Part of every password whose traces the tests search for.
const CANARY: &str = "Kanarienvogel";

async fn a_sign_up_is_accepted_with_where_to_ask_and_when(world: &World) {
    let answer = world.send(&Person::new("ada@example.org").called("Ada").sign_up()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let command = answer.json();
    let id = command["id"].as_str().unwrap();
    assert_eq!(answer.header("location").unwrap(), format!("/commands/{id}"));
    assert!((1..=3600).contains(&answer.header("retry-after").unwrap().parse::<u64>().unwrap()), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("preference-applied"), None);
    assert_eq!(answer.header("idempotency-replayed"), None);
    let user = command["target"]["id"].as_str().unwrap();
    let expected = json!({
        "id": id,
        "type": "users.register_user.v1",
        "status": "accepted",
        "accepted_at": command["accepted_at"],
        "target": {"type": "user", "id": user, "href": format!("/users/{user}")},
        "attempts": 0,
        "follow_ups": [],
    });
    assert_eq!(command, expected);
    assert_eq!(world.get(format!("/commands/{id}")).await.json(), expected);
    assert_eq!(world.get(format!("/users/{user}")).await.problem(), "not_found", "nothing has been done yet");
    world.work().await;
}

async fn a_sign_up_succeeds_together_with_its_follow_ups(world: &World) {
    let answer = world.send(&Person::new("ada@example.org").sign_up()).await;
    let command = world.outcome(&answer).await;
    assert_eq!(command["status"], "succeeded", "{command}");
    assert!(command["finished_at"].as_str() >= command["accepted_at"].as_str(), "{command}");
    assert_eq!(command["attempts"], 0);
    let done = |name: &str| json!({"type": name, "status": "succeeded", "attempts": 0, "awaited": true});
    let awaited = command["follow_ups"].as_array().unwrap().iter().filter(|it| it["awaited"] == true);
    assert_eq!(awaited.collect::<Vec<_>>(), [&done("users.user_registered.v1"), &done("auth.set_credential.v1")]);
    let user = world.get(command["target"]["href"].as_str().unwrap()).await;
    assert_eq!(user.status, 200, "{user:?}");
}

async fn a_person_is_read_back_as_they_wrote_their_name(world: &World) {
    let names = [
        Some("Ada Lovelace"),
        Some("王小明"),
        Some("Владимир Набоков"),
        Some("محمد بن موسى"),
        Some("अनीता देसाई"),
        Some("김민준"),
        Some("Νίκος Καζαντζάκης"),
        Some("יעל דיין"),
        Some("สมชาย"),
        Some("ქეთევან"),
        Some("<b>\"O'Brien\"</b> & 'x'; --\\ %s {} $1"),
        Some("👩‍🚀 Zoe\u{301}"),
        Some("e\u{301} is not \u{e9}"),
        None,
    ];
    let person = |(n, name): (usize, &Option<&str>)| {
        let person = Person::new(format!("person{n}@example.org"));
        match name {
            Some(name) => person.called(*name),
            None => person,
        }
    };
    let created = world.send_all(names.iter().enumerate().map(person).map(|it| it.sign_up().wait(30))).await;
    for (created, name) in created.iter().zip(&names) {
        assert_eq!(created.status, 201, "{created:?}");
        let id = created.json()["id"].clone();
        let user = world.get(format!("/users/{}", id.as_str().unwrap())).await;
        assert_eq!(user.json()["name"], json!(name));
        let fields: Vec<_> = user.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["created_at", "id", "name"], "anyone may see no more");
        assert_eq!(user.body, created.body);
    }
    let at: i64 = world.count("select count(*) from users_users where version = 1").await;
    assert_eq!(at, i64::try_from(names.len()).unwrap());
}

async fn only_the_right_password_fits(world: &World) {
    let person = Person::new("Ada@Bücher.example").with_password("  drei blaue Würfel\u{a0}rollen 🎲 ");
    let id = world.register(&person).await;
    assert_eq!(world.verify(&person.email, &person.password).await, Some(id));
    assert_eq!(world.verify("ada@xn--bcher-kva.example", &person.password).await, Some(id), "the same mailbox");
    for wrong in ["", "drei blaue Würfel rollen 🎲", person.password.trim(), &person.password.to_lowercase()] {
        assert_eq!(world.verify(&person.email, wrong).await, None, "{wrong:?}");
    }
    assert_eq!(world.verify("eve@example.org", &person.password).await, None, "no user has this address");
    let hashes = world.texts("select hash from auth_credentials").await;
    assert!(hashes[0].starts_with("$bcrypt-sha256$v=2,t=2b,r=10$"), "{hashes:?}");
}

async fn a_password_is_the_same_on_every_keyboard(world: &World) {
    let (composed, decomposed) = ("drei blaue W\u{fc}rfel r\u{f6}llen", "drei blaue Wu\u{308}rfel ro\u{308}llen");
    for (email, set) in [("a@example.org", composed), ("b@example.org", decomposed)] {
        let id = world.register(&Person::new(email).with_password(set)).await;
        for typed in [composed, decomposed] {
            assert_eq!(world.verify(email, typed).await, Some(id), "{set:?}, {typed:?}");
        }
    }
}

async fn every_byte_of_a_password_of_1024_bytes_counts(world: &World) {
    let long: String = "Wörter, "
        .chars()
        .cycle()
        .scan(0, |bytes, it| {
            *bytes += it.len_utf8();
            (*bytes <= 1024).then_some(it)
        })
        .collect();
    let long = format!("{}{}", &long[..1000], "0123456789 abcdef xyz #42");
    let long = &long[..1024];
    let person = Person::new("ada@example.org").with_password(long);
    let id = world.register(&person).await;
    assert_eq!(world.verify(&person.email, long).await, Some(id));
    assert_eq!(world.verify(&person.email, &format!("{}5", &long[..1023])).await, None, "the last byte");
    assert_eq!(world.verify(&person.email, &long[..72]).await, None, "bcrypt alone stops at 72");
    let answer = world.send(&Person::new("eve@example.org").with_password(format!("{long}x")).sign_up()).await;
    assert_eq!(answer.violations(), [("/password".to_owned(), "password_too_long".to_owned())]);
}

async fn a_registration_has_not_succeeded_before_the_credential_is_stored(world: &World) {
    let command = world.send(&Person::new("ada@example.org").sign_up()).await;
    world.work().await;
    let (give_up, mut seen) = (Instant::now() + PATIENCE, Vec::new());
    loop {
        let status = world.command(&command).await["status"].as_str().unwrap().to_owned();
        let stored = world.count("select count(*) from auth_credentials").await;
        assert!(status != "succeeded" || stored == 1, "it read succeeded without a credential");
        if seen.last() != Some(&status) {
            seen.push(status.clone());
        }
        if status == "succeeded" {
            break;
        }
        assert!(Instant::now() < give_up, "{seen:?}");
    }
    let order = ["accepted", "running", "succeeded"];
    assert!(seen.iter().eq(order.iter().filter(|it| seen.iter().any(|one| one == *it))), "in this order: {seen:?}");
}

async fn a_password_that_this_worker_cannot_open_waits_for_one_that_can(world: &World) {
    let person = Person::new("ada@example.org");
    let accepted = world.send(&person.sign_up()).await;
    let folder = tempfile::tempdir().unwrap();
    let other = world.another_node(ProcessRole::All, Keys::in_directory(folder.path()).unwrap()).await;
    other.work().await;
    world.until("select count(*) from ledger_messages where name = 'auth.set_credential.v1' and attempts > 0", 1).await;
    let command = other.command(&accepted).await;
    assert_eq!(command["status"], "running", "the user is there, the password is not: {command}");
    let parts = command["follow_ups"].as_array().unwrap();
    let hashing = parts.iter().find(|it| it["type"] == "auth.set_credential.v1").unwrap();
    assert!(hashing["attempts"].as_i64() > Some(0), "{command}");
    assert_eq!(other.get(command["target"]["href"].as_str().unwrap()).await.status, 200);
    assert_eq!(world.verify(&person.email, &person.password).await, None);
    other.stop().await;
    world.work().await;
    let command = world.outcome(&accepted).await;
    assert_eq!(command["status"], "succeeded", "{command}");
    assert!(world.verify(&person.email, &person.password).await.is_some());
}

async fn a_password_is_written_nowhere(world: &World) {
    let password = format!("{CANARY} {}", MessageId::random());
    let person = |email: &str| Person::new(email).with_password(password.as_str());
    // Sign-ups that succeed, are rejected, are refused before a write, or have the password in other fields.
    let accepted = world.send(&person("ada@example.org").sign_up()).await;
    sealed_only(world, &password).await;
    world.work().await;
    assert_eq!(world.outcome(&accepted).await["status"], "succeeded");
    assert_eq!(world.send(&person("ADA@example.org").sign_up().wait(30)).await.status, 409);
    assert_eq!(world.send(&person("refused").sign_up()).await.status, 422);
    let misplaced = Person::new(password.as_str()).called(format!("{password}\0"));
    assert_eq!(world.send(&misplaced.sign_up()).await.status, 422);
    assert!(world.verify("ada@example.org", &password).await.is_some());
    // Sign-ins, the password in the address field, and changes to a longer password and back.
    let user = world.outcome(&accepted).await["target"]["id"].as_str().unwrap().parse().unwrap();
    let ada = world.sign_in(user, &person("ada@example.org")).await;
    assert_eq!(world.send(&Person::new(password.as_str()).login()).await.status, 422);
    assert_eq!(world.send(&person("eve@example.org").login()).await.status, 401);
    let longer = format!("{password} and more");
    for (current, new) in [(&password, &longer), (&longer, &password)] {
        let body = json!({ "current_password": current, "new_password": new });
        assert_eq!(world.send(&Request::post("/auth/password", &body).by(&ada)).await.status, 204);
    }
    for token in [&ada.access, &ada.refresh] {
        sealed_only(world, token).await;
        assert!(!logs().contains(token.as_str()), "a token was logged");
    }
    sealed_only(world, &password).await;
    // All tests of this binary share the log.
    let logs = logs();
    let access = format!("\"request_id\":\"{}\"", accepted.header("x-request-id").unwrap());
    let security = format!("\"user\":\"{user}\"");
    for own in [access, security] {
        assert!(logs.contains(&own), "the log has lines of this test: {own}");
    }
    assert!(!logs.contains(&password), "a password was logged");
}

/// Searches everything that the database has written, in every encoding that it uses for text.
async fn sealed_only(world: &World, password: &str) {
    let hex: String = password.bytes().map(|byte| format!("{byte:02x}")).collect();
    let search = |place: &str, bytes: &[u8]| {
        for needle in [password, &hex, &hex.to_uppercase()] {
            assert!(!bytes.windows(needle.len()).any(|part| part == needle.as_bytes()), "a password stands in {place}");
        }
    };
    let mut kept = Vec::new();
    if world.kind == Kind::Sqlite {
        for file in world.files() {
            let bytes = std::fs::read(&file).unwrap();
            search(&file.display().to_string(), &bytes);
            kept.extend(bytes);
        }
    } else {
        let tables = world.texts(EVERY_ROW).await;
        assert!(tables.len() >= 16, "{} tables are not all of them", tables.len());
        for rows in tables {
            search("a table", rows.as_bytes());
            kept.extend(rows.into_bytes());
        }
    }
    assert!(kept.windows(15).any(|part| part == b"ada@example.org"), "it looks where things are kept");
}

/// The rows of every table as text, one text per table.
const EVERY_ROW: &str = "select query_to_xml('select t::text as row from ' || quote_ident(tablename) || ' t', true, false, '')::text \
     from pg_tables where schemaname = 'public'";

async fn finished_messages_keep_no_payload(world: &World) {
    let person = Person::new("ada@example.org");
    let first = world.send(&person.sign_up()).await;
    let second = world.send(&person.sign_up()).await;
    let kept = "select count(*) from ledger_messages where payload like '%\"ct\":%'";
    assert_eq!(world.count(kept).await, 2, "a sealed password each, as long as there is work to do");
    world.work().await;
    let outcomes = [world.outcome(&first).await, world.outcome(&second).await];
    let mut statuses: Vec<_> = outcomes.iter().map(|command| command["status"].as_str().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["rejected", "succeeded"]);
    let mut db = world.db.read().await.unwrap();
    let rows = fetch_all!(&mut db, (Uuid, String, Option<String>), "select id, status, payload from ledger_messages");
    let rows = rows.unwrap();
    assert!(rows.len() >= 4, "{rows:?}");
    assert!(rows.iter().all(|(_, _, payload)| payload.is_none()), "{rows:?}");
}

async fn a_rejected_sign_up_says_why_and_leaves_nothing(world: &World) {
    world.register(&Person::new("ada@example.org")).await;
    let other = Person::new("ada@example.org").called("Eve").with_password("vier gelbe Bälle werfen");
    let command = world.outcome(&world.send(&other.sign_up()).await).await;
    assert_eq!(command["status"], "rejected", "{command}");
    assert_eq!(command["error"]["code"], "email_taken");
    assert_eq!(command["error"]["message"], "this email address is already registered");
    assert_eq!(command["follow_ups"], json!([]));
    let href = command["target"]["href"].as_str().unwrap();
    assert_eq!(world.get(href).await.problem(), "not_found");
    assert_eq!(world.verify(&other.email, &other.password).await, None);
    assert_eq!(world.count("select count(*) from users_users").await, 1);
    assert_ne!(command["target"]["id"], Value::Null);
}
