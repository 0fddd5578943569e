//! Attempts to break the rules are logged, without the input that the client sent.

use crate::new_person;
use acceptance::process::Folder;
use serde_json::{Value, json};

/// ASVS 16.3.3.
#[tokio::test]
async fn forged_tokens_refused_bodies_and_guesses_are_logged_with_rule_and_address() {
    let folder = Folder::new();
    let server = folder.roster(&[]).set("ROSTER_BCRYPT_COST", "10").serve().await;
    let person = new_person();
    assert_eq!(server.sign_up(&[("prefer", "wait=20")], &person).await.status, 201);
    let (email, password) = (person["email"].as_str().unwrap(), person["password"].as_str().unwrap());
    let signed_in = server.sign_in(email, password).await.json();
    let token = signed_in["access_token"].as_str().unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    // {"alg":"none","typ":"at+jwt"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}.");

    for forged in [&format!("{signed}.canary7canary7"), &unsigned] {
        assert_eq!(server.ask("GET", "/users/me", forged, None).await.status, 401);
    }
    let body = json!({ "email": "canary7", "password": "canary7" });
    assert_eq!(server.sign_up(&[], &body).await.status, 422);
    assert_eq!(server.sign_in(email, "canary7 canary7 canary7").await.status, 401);
    let ghost = "/commands/0190d729-f972-4f9a-a2f3-1bf8e16f0034";
    while server.get(ghost).await.status != 429 {}

    let ended = server.terminate().await;
    assert!(!ended.stderr.contains("canary7") && !ended.stderr.contains(email), "{}", ended.stderr);
    let lines: Vec<Value> = ended.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let logged = |route: &str, status: u16, code: &str| {
        let is_it = |line: &&Value| {
            (&line["route"], &line["status"], &line["code"]) == (&route.into(), &status.into(), &code.into())
        };
        let found: Vec<_> = lines.iter().filter(|line| line["target"] == "web::access").filter(is_it).collect();
        assert!(found.iter().all(|line| line["client"] == "127.0.0.1"), "{found:?}");
        found.len()
    };
    assert_eq!(logged("/users/me", 401, "invalid_token"), 2, "{}", ended.stderr);
    assert_eq!(logged("/users", 422, "invalid_request"), 1, "{}", ended.stderr);
    assert_eq!(logged("/auth/login", 401, "wrong_credentials"), 1, "{}", ended.stderr);
    assert_eq!(logged("/commands/{id}", 429, "too_many_requests"), 1, "{}", ended.stderr);
}
