//! Concurrent changes of sessions, repeated many times.

use acceptance::{Person, Request, SignedIn, World, in_each_database};
use serde_json::json;

in_each_database! {
    of_fifty_refreshes_at_once_one_wins_and_the_session_ends,
    no_refresh_outlives_a_logout_or_a_revocation_at_the_same_time,
    no_refresh_and_no_sign_in_outlives_a_change_of_the_password_at_the_same_time,
    of_two_changes_of_the_password_at_once_one_wins,
    many_wrong_sign_ins_at_once_are_all_refused_and_the_right_one_is_not,
}

const ROUNDS: usize = 20;
const NEW: &str = "noch drei blaue Würfel";

fn ada() -> Person {
    Person::new("ada@example.org")
}

fn logout(who: &SignedIn) -> Request {
    Request::new("POST", "/auth/logout").by(who)
}

fn revoke(session: &SignedIn, by: &SignedIn) -> Request {
    Request::new("DELETE", format!("/auth/sessions/{}", session.session)).by(by)
}

fn change(who: &SignedIn, current: &str, new: &str) -> Request {
    Request::post("/auth/password", &json!({ "current_password": current, "new_password": new })).by(who)
}

/// Checks that a session has ended: all of its tokens are refused.
async fn is_over(world: &World, session: &SignedIn, tokens: &[SignedIn]) {
    let ended = "select count(*) from auth_sessions where ended_at is not null";
    assert!(world.count(ended).await > 0);
    for held in tokens.iter().chain([session]) {
        assert!(!world.knows(held).await, "an access token outlived its session");
        assert_eq!(world.send(&held.refreshing()).await.problem(), "invalid_refresh_token");
    }
}

/// The tokens in these answers.
fn given(user: uuid::Uuid, answers: &[acceptance::Answer]) -> Vec<SignedIn> {
    answers.iter().filter(|answer| answer.status == 200).map(|answer| SignedIn::of(user, answer)).collect()
}

async fn of_fifty_refreshes_at_once_one_wins_and_the_session_ends(world: &World) {
    let first = world.member(&ada()).await;
    for _ in 0..ROUNDS {
        let session = world.sign_in(first.user, &ada()).await;
        let answers = world.send_all((0..50).map(|_| session.refreshing())).await;
        let given = given(first.user, &answers);
        assert_eq!(given.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        is_over(world, &session, &given).await;
    }
    assert!(world.knows(&first).await, "another session is not touched by it");
}

async fn no_refresh_outlives_a_logout_or_a_revocation_at_the_same_time(world: &World) {
    let other = world.member(&ada()).await;
    for round in 0..ROUNDS {
        let session = world.sign_in(other.user, &ada()).await;
        let end = if round % 2 == 0 { logout(&session) } else { revoke(&session, &other) };
        let requests = if round % 4 < 2 { [session.refreshing(), end] } else { [end, session.refreshing()] };
        let answers = world.send_all(requests).await;
        let given = given(other.user, &answers);
        is_over(world, &session, &given).await;
    }
}

async fn no_refresh_and_no_sign_in_outlives_a_change_of_the_password_at_the_same_time(world: &World) {
    let here = world.member(&ada()).await;
    let passwords = [ada().password, NEW.to_owned()];
    for round in 0..ROUNDS {
        let (current, new) = (&passwords[round % 2], &passwords[(round + 1) % 2]);
        let person = ada().with_password(current);
        let there = world.sign_in(here.user, &person).await;
        let answers = world.send_all([change(&here, current, new), there.refreshing(), person.login()]).await;
        assert_eq!(answers[0].status, 204, "{:?}", answers[0]);
        let given = given(here.user, &answers);
        is_over(world, &there, &given).await;
        assert!(world.knows(&here).await);
    }
}

async fn of_two_changes_of_the_password_at_once_one_wins(world: &World) {
    let here = world.member(&ada()).await;
    let mut current = ada().password;
    for round in 0..ROUNDS {
        let wanted = [0, 1].map(|n| format!("drei blaue Würfel, {round} mal {n}"));
        let answers = world.send_all(wanted.iter().map(|new| change(&here, &current, new))).await;
        let won: Vec<_> = (0..2).filter(|n| answers[*n].status == 204).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        current.clone_from(&wanted[won[0]]);
        world.sign_in(here.user, &ada().with_password(&current)).await;
    }
}

async fn many_wrong_sign_ins_at_once_are_all_refused_and_the_right_one_is_not(world: &World) {
    let here = world.member(&ada()).await;
    let wrong = ada().with_password("another password, which is wrong").login();
    for round in 0..ROUNDS {
        let right = round % 10;
        let answers = world.send_all((0..10).map(|n| if n == right { ada().login() } else { wrong.clone() })).await;
        for (n, answer) in answers.iter().enumerate() {
            assert_eq!(answer.status, if n == right { 200 } else { 401 }, "{answer:?}");
        }
    }
    assert!(world.knows(&here).await);
}
