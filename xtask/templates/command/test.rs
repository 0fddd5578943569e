
async fn __command___changes_what_its_query_shows(world: &World) {
    let ada = world.member(&Person::new("ada@example.org")).await;
    let body = json!({ __examples__ });
    let request = Request::post(format!("/__context__/{}/__verb__", ada.user), &body).by(&__sender__).wait(30);
    let changed = world.send(&request).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json()["__field__"], body["__field__"]); // each field
    let again = world.send(&request).await;
    assert_eq!((again.status, again.header("etag")), (200, changed.header("etag")), "nothing has changed");
}
