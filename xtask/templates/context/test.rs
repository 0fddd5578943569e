//! The context `__context__`: __command__, __query__.

use acceptance::{Person, Request, World, in_each_world};
use serde_json::{Value, json};

in_each_world! {
    a___entity___is_created_by_a_command_and_read_by_its_owner_alone,
    each_user_who_registers_is_known_and_no_registration_waits_for_that, // on
}

fn body() -> Value {
    json!({
        "__field__": "an example", // each field
    })
}

async fn a___entity___is_created_by_a_command_and_read_by_its_owner_alone(world: &World) {
    let ada = world.member(&Person::new("ada@example.org")).await;
    let eve = world.member(&Person::new("eve@example.org")).await;

    let accepted = world.send(&Request::post("/__context__", &body()).by(&ada)).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(world.outcome(&accepted).await["status"], "succeeded");

    let created = world.send(&Request::post("/__context__", &body()).by(&ada).wait(30)).await;
    assert_eq!(created.status, 201, "{created:?}");
    let path = created.header("location").unwrap().to_owned();
    assert_eq!(path, format!("/__context__/{}", created.json()["id"].as_str().unwrap()));
    let read = world.send(&Request::get(path.clone()).by(&ada)).await;
    assert_eq!((read.status, read.json()), (200, created.json()));
    assert_eq!(read.json()["__field__"], "an example"); // each field

    assert_eq!(world.send(&Request::get(path.clone()).by(&eve)).await.problem(), "not_found");
    assert_eq!(world.get(&path).await.problem(), "unauthenticated");
    assert_eq!(world.send(&Request::post("/__context__", &body())).await.problem(), "unauthenticated");
}

async fn each_user_who_registers_is_known_and_no_registration_waits_for_that(world: &World) { // on
    let signed_up = world.send(&Person::new("ada@example.org").sign_up()).await; // on
    let command = world.outcome(&signed_up).await; // on
    let reaction = command["follow_ups"].as_array().unwrap().iter().find(|it| it["awaited"] == false); // on
    assert_eq!(reaction.unwrap()["type"], "__event_name__", "{command}"); // on
    world.until("select count(*) from __context___known", 1).await; // on
} // on
