//! Passwords that are known from data breaches are refused wherever a password is chosen.

use acceptance::smtp::token_in;
use acceptance::{Answer, Node, Person, Request, World, in_one_world};
use serde_json::json;
use std::path::Path;
use tempfile::TempDir;
use users_infrastructure::RegistrationMode;

in_one_world! {
    a_breached_password_is_refused_wherever_a_password_is_chosen,
    a_breached_password_is_refused_to_invited_persons_and_confirmed_addresses,
}

const STOLEN: &str = "a password that was stolen";
const OTHER: &str = "a password that was not stolen";
/// The SHA-1 of [`STOLEN`] between two others.
const FILE: &str = "0000000CAEF405439D57847A8657218C618160B2:2\n\
     8396AAC72FCB25FE93D355FE24183FA9EA8E6355:2021\n\
     FFFFFFFEE791CBAC0F6305CAF0CEE06BBE131160:2\n";

/// An API process with a file of breached passwords.
async fn node(world: &World, registration: RegistrationMode) -> (Node, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("breached.txt");
    std::fs::write(&file, FILE).unwrap();
    let set = |path: &Path| Some(path.to_owned());
    let node = world.node_with(|options| (options.registration, options.breached_file) = (registration, set(&file)));
    (node.await, folder)
}

fn refused(answer: &Answer, pointer: &str) {
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(answer.violations(), [(pointer.to_owned(), "password_breached".to_owned())]);
}

/// ASVS 6.2.12
async fn a_breached_password_is_refused_wherever_a_password_is_chosen(world: &World) {
    let (node, _folder) = node(world, RegistrationMode::Open).await;
    let sign_up = async |email: &str, password: &str| {
        node.send(&Person::new(email).with_password(password).sign_up().wait(30)).await
    };
    refused(&sign_up("eve@example.org", STOLEN).await, "/password");
    assert_eq!(sign_up("eve@example.org", OTHER).await.status, 201);
    let check = async |password: &str| {
        let answer = node.send(&Request::post("/auth/password/check", &json!({ "password": password }))).await;
        (answer.json()["acceptable"].clone(), answer.json()["violations"][0]["code"].clone())
    };
    assert_eq!(check(STOLEN).await, (json!(false), json!("password_breached")));
    assert_eq!(check(OTHER).await, (json!(true), json!(null)));

    let ada = Person::new("ada@example.org");
    let here = world.member(&ada).await;
    let change = async |new: &str| {
        let body = json!({ "current_password": ada.password, "new_password": new });
        node.send(&Request::post("/auth/password", &body).by(&here)).await
    };
    refused(&change(STOLEN).await, "/new_password");
    assert_eq!(change(OTHER).await.status, 204);

    let forgot = Request::post("/auth/password/forgot", &json!({ "email": ada.email }));
    assert_eq!(world.send(&forgot).await.status, 202);
    let token = world.token_to(&ada.email, "reset_password", 1).await;
    let reset = async |password: &str| {
        let body = json!({ "token": token, "password": password });
        node.send(&Request::post("/auth/password/reset", &body)).await
    };
    refused(&reset(STOLEN).await, "/password");
    assert_eq!(reset("another horse, another staple").await.status, 204);
    node.stop().await;
}

async fn a_breached_password_is_refused_to_invited_persons_and_confirmed_addresses(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let (node, _folder) = node(world, RegistrationMode::Verified).await;
    let invite = Request::post("/invitations", &json!({ "email": "ada@example.org" })).by(&admin).wait(30);
    assert_eq!(node.send(&invite).await.status, 201);
    let requested = node.send(&Person::new("eve@example.org").sign_up().wait(30)).await;
    assert_eq!(requested.status, 200, "{requested:?}");
    refused(&node.send(&Person::new("bob@example.org").with_password(STOLEN).sign_up()).await, "/password");
    for (email, template, path) in [
        ("ada@example.org", "invitation", "/invitations/accept"),
        ("eve@example.org", "confirm_registration", "/users/confirm"),
    ] {
        let token = token_in(world.mails(template, email).await.last().unwrap());
        let body = |password: &str| json!({ "token": token, "password": password });
        refused(&node.send(&Request::post(path, &body(STOLEN))).await, "/password");
        let accepted = node.send(&Request::post(path, &body(OTHER))).await;
        assert_eq!(accepted.status, 201, "{accepted:?}");
    }
    node.stop().await;
}
