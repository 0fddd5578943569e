//! __By_words__ sends `__command__`.

use acceptance::{Person, Request, World, in_each_world};
use serde_json::json;

in_each_world! {
    __command___changes_what_its_query_shows,
    __command___names_every_violation,
}

async fn __command___changes_what_its_query_shows(world: &World) {
    let ada = world.member(&Person::new("ada@example.org")).await;
    let sender = __sender__;
    let path = format!("/__context__/{}/__verb__", ada.user);
    let body = json!({
        "__field__": "an example", // each field
    });
    let changed = world.send(&Request::post(path.clone(), &body).by(&sender).wait(30)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json()["__field__"], "an example"); // each field

    let again = world.send(&Request::post(path.clone(), &body).by(&sender).wait(30)).await;
    assert_eq!((again.status, again.header("etag")), (200, changed.header("etag")), "nothing has changed");
    assert_eq!(world.send(&Request::post(path, &body)).await.problem(), "unauthenticated");
}

async fn __command___names_every_violation(world: &World) {
    let ada = world.member(&Person::new("ada@example.org")).await;
    let sender = __sender__;
    let path = format!("/__context__/{}/__verb__", ada.user);
    let refused = world.send(&Request::post(path, &json!({})).by(&sender)).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let count = refused.json()["errors"].as_array().unwrap().len();
    assert_eq!(count, __count__, "{refused:?}");
}
