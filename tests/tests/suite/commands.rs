//! `GET /commands/{id}`: the status of a command.

use acceptance::{Answer, Person, Request, World, in_each_idle_world, in_each_world, in_one_world};
use kernel::{MessageId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

in_each_world! {
    an_unknown_command_is_not_found,
    the_id_of_a_follow_up_names_no_command,
    a_command_past_its_retention_is_gone,
    a_command_says_who_it_is_about_and_when,
}

in_each_idle_world! {
    a_command_can_be_followed_until_it_has_ended,
}

in_one_world! {
    an_invalid_id_in_a_path_is_not_found,
    a_command_can_only_be_read,
}

/// The id of a command accepted this many days ago.
fn made(days_ago: u64) -> Uuid {
    let now = u64::try_from(Timestamp::now().as_microsecond() / 1_000_000).unwrap();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, now - days_ago * 86_400, 0))
}

async fn an_unknown_command_is_not_found(world: &World) {
    world.register(&Person::new("ada@example.org")).await;
    let user = world.texts(("select id::text from users_users", "select lower(hex(id)) from users_users")).await;
    let versions = ["b2d1a7c8-4f7e-4c1a-9a3e-0a1b2c3d4e5f", "c232ab00-9414-11ec-b3c8-9f6bdeced846"];
    let nil = [Uuid::nil(), Uuid::max(), MessageId::random().as_uuid(), made(29), user[0].parse().unwrap()];
    for id in nil.map(|id| id.to_string()).iter().map(String::as_str).chain(versions) {
        for target in [format!("/commands/{id}"), format!("/commands/{id}/events")] {
            let answer = world.get(&target).await;
            assert_eq!((answer.status, answer.problem().as_str()), (404, "not_found"), "{target}");
        }
    }
}

async fn the_id_of_a_follow_up_names_no_command(world: &World) {
    world.register(&Person::new("ada@example.org")).await;
    let parts = "select id::text from ledger_messages where id <> root";
    let parts = world.texts((parts, "select lower(hex(id)) from ledger_messages where id <> root")).await;
    assert!(parts.len() >= 2, "{parts:?}");
    for id in parts {
        let id: Uuid = id.parse().unwrap();
        assert_eq!(world.get(format!("/commands/{id}")).await.problem(), "not_found");
    }
}

async fn a_command_past_its_retention_is_gone(world: &World) {
    for id in [made(31), made(3_650)] {
        for target in [format!("/commands/{id}"), format!("/commands/{id}/events")] {
            let answer = world.get(&target).await;
            assert_eq!((answer.status, answer.problem().as_str()), (410, "gone"), "{target}");
        }
    }
}

async fn an_invalid_id_in_a_path_is_not_found(world: &World) {
    let answer = world.send(&Person::new("ada@example.org").sign_up()).await;
    world.outcome(&answer).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.get(format!("/commands/{}", id.to_uppercase())).await.status, 200, "hexadecimal has no case");
    let bare = id.replace('-', "");
    let hostile = [
        bare.clone(),
        format!("%7B{id}%7D"),
        format!("urn:uuid:{id}"),
        format!("{id}%00"),
        format!("{id}/"),
        format!("{id}%20"),
        format!("%20{id}"),
        format!("{}%252d{}", &id[..8], &id[9..]),
        format!("{id}'%20or%20'1'='1"),
        "..%2f..%2fetc%2fpasswd".to_owned(),
        "%ff%fe".to_owned(),
        "0".to_owned(),
        "-1".to_owned(),
        "null".to_owned(),
        "a".repeat(5_000),
    ];
    for path in ["/commands", "/users"] {
        for id in &hostile {
            let answer = world.get(format!("{path}/{id}")).await;
            assert_eq!((answer.status, answer.problem().as_str()), (404, "not_found"), "{path}/{id}");
            assert!(id.len() < 8 || !answer.body.contains(id.as_str()), "{path}/{id}: {answer:?}");
        }
    }
}

async fn a_command_says_who_it_is_about_and_when(world: &World) {
    let id = MessageId::random().as_uuid();
    let before = Timestamp::now();
    let answer = world.send(&Person::new("ada@example.org").with_id(id).sign_up()).await;
    let command = world.outcome(&answer).await;
    let names: Vec<_> = command.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["accepted_at", "attempts", "finished_at", "follow_ups", "id", "status", "target", "type"]);
    assert_eq!(command["target"], json!({"type": "user", "id": id, "href": format!("/users/{id}")}));
    let minute = 60_000_000;
    let at = |name: &str| {
        let text = format!("\"{}\"", command[name].as_str().unwrap());
        serde_json::from_str::<Timestamp>(&text).unwrap().as_microsecond()
    };
    assert!((at("accepted_at") - before.as_microsecond()).abs() < minute, "UTC: {command}");
    assert!(at("finished_at") > at("accepted_at"), "{command}");
    let user = world.get(format!("/users/{id}")).await.json();
    assert_eq!(user["created_at"], command["accepted_at"], "the time of acceptance is the time of registration");
    assert!(!command.to_string().contains("ada@example.org"), "the command shows none of the input");
}

async fn a_command_can_be_followed_until_it_has_ended(world: &World) {
    let accepted = world.send(&Person::new("ada@example.org").sign_up()).await;
    let events = format!("{}/events", accepted.header("location").unwrap());
    let following = world.begin(Request::get(&events));
    world.work().await;
    let stream = following.await.unwrap();
    assert_eq!((stream.status, stream.header("content-type")), (200, Some("text/event-stream")), "{stream:?}");
    assert_eq!(stream.header("x-accel-buffering"), Some("no"), "nginx sends each event on");
    let caching: Vec<_> = stream.head.lines().filter(|line| line.starts_with("cache-control")).collect();
    assert_eq!(caching, ["cache-control: no-store, no-transform"]);
    let data = |stream: &Answer| {
        let lines = stream.body.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(|data| serde_json::from_str(data).unwrap()).collect::<Vec<Value>>()
    };
    let (commands, last) = (data(&stream), world.command(&accepted).await);
    assert_eq!((commands.last(), &last["status"]), (Some(&last), &"succeeded".into()));
    let order = ["accepted", "running", "succeeded"];
    let stages: Vec<_> = commands.iter().map(|it| order.iter().position(|status| it["status"] == *status)).collect();
    assert!(stages.is_sorted() && stages[0].is_some(), "{commands:?}");
    // The stream of a finished command has one event.
    assert_eq!(data(&world.get(&events).await), [last]);
}

async fn a_command_can_only_be_read(world: &World) {
    let answer = world.send(&Person::new("ada@example.org").sign_up()).await;
    world.outcome(&answer).await;
    let location = answer.header("location").unwrap();
    let head = world.send(&Request::new("HEAD", location)).await;
    let get = world.get(location).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for name in ["content-type", "content-length", "cache-control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    assert_eq!(get.header("cache-control"), Some("no-store"));
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let answer = world.send(&Request::new(method, location)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (405, "method_not_allowed"));
        assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    }
}
