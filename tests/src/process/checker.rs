//! Checks the promise of a 202: compares the answers that clients received with the content of the database.

use super::load::{Heard, SignUp};
use super::stored::{Row, Stored};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const REGISTER: &str = "users.register_user.v1";

/// Every broken promise as a line that begins with the invariant's name.
#[must_use]
pub fn broken_promises(log: &[SignUp], stored: &Stored) -> Vec<String> {
    let mut broken = Vec::new();
    let roots: BTreeMap<Uuid, &Row> =
        stored.rows.iter().filter(|row| row.id == row.root).map(|row| (row.id, row)).collect();
    for sign_up in log {
        promise(sign_up, &roots, &mut broken);
        one_outcome_per_key(sign_up, stored, &mut broken);
        steady(sign_up, &mut broken);
    }
    one_key_per_command(log, &mut broken);
    for root in roots.values().filter(|row| row.name == REGISTER) {
        registration(root, stored, &mut broken);
    }
    one_winner_per_address(log, &roots, &mut broken);
    no_user_without_a_command(stored, &roots, &mut broken);
    for row in &stored.rows {
        if row.leased || matches!(&*row.status, "accepted" | "running") {
            broken.push(format!("I6 unfinished: {row:?}"));
        }
        if row.status == "failed" {
            broken.push(format!("I10 failed for good: {row:?}"));
        }
    }
    broken
}

/// I1: every 202 has a command that has ended. I8: a client that asks for the command never gets 404 or 410.
fn promise(sign_up: &SignUp, roots: &BTreeMap<Uuid, &Row>, broken: &mut Vec<String>) {
    for (command, user) in sign_up.accepted() {
        match roots.get(&command) {
            None => broken.push(format!("I1 lost: {command} of {sign_up:?}")),
            Some(row) if row.subject != user => broken.push(format!("I1 about another user: {row:?} of {sign_up:?}")),
            // I6 reports a command that has not ended.
            Some(_) => {}
        }
    }
    for heard in &sign_up.heard {
        match heard {
            Heard::NotShown(404 | 410) => broken.push(format!("I8 denied: {sign_up:?}")),
            Heard::NotShown(status) if *status != 503 => broken.push(format!("I8 answered {status}: {sign_up:?}")),
            Heard::Refused(status, code) if *status != 503 => {
                broken.push(format!("I1 refused with {status} {code}: {sign_up:?}"));
            }
            _ => {}
        }
    }
    if sign_up.chosen.is_some_and(|chosen| sign_up.accepted().any(|(_, user)| user != chosen)) {
        broken.push(format!("I4 not the id that was chosen: {sign_up:?}"));
    }
}

/// I4: one key, one command.
fn one_outcome_per_key(sign_up: &SignUp, stored: &Stored, broken: &mut Vec<String>) {
    let promised: BTreeSet<_> = sign_up.accepted().collect();
    let kept: BTreeSet<_> = stored
        .rows
        .iter()
        .filter(|row| row.key.as_ref() == Some(&sign_up.key))
        .map(|row| (row.id, row.subject))
        .collect();
    if kept.len() > 1 || !promised.is_subset(&kept) {
        broken.push(format!("I4 promised {promised:?}, stored {kept:?}: {sign_up:?}"));
    }
}

/// I7: a final status never changes.
fn steady(sign_up: &SignUp, broken: &mut Vec<String>) {
    let seen: Vec<_> = sign_up
        .heard
        .iter()
        .filter_map(|heard| match heard {
            Heard::Status(status) => Some(status.as_str()),
            _ => None,
        })
        .collect();
    if seen.windows(2).any(|pair| matches!(pair[0], "succeeded" | "rejected") && pair[0] != pair[1]) {
        broken.push(format!("I7 changed: {sign_up:?}"));
    }
}

/// I4: one command, one key.
fn one_key_per_command(log: &[SignUp], broken: &mut Vec<String>) {
    let mut keys: BTreeMap<Uuid, BTreeSet<&str>> = BTreeMap::new();
    for sign_up in log {
        for (command, _) in sign_up.accepted() {
            keys.entry(command).or_default().insert(&sign_up.key);
        }
    }
    for (command, keys) in keys.iter().filter(|(_, keys)| keys.len() > 1) {
        broken.push(format!("I4 shared: {command} answers {keys:?}"));
    }
}

/// I2: a registration that succeeded has exactly one user who can sign in, with each part executed once. A rejected one
/// has no user.
fn registration(root: &Row, stored: &Stored, broken: &mut Vec<String>) {
    let user = root.subject;
    let follow_ups: Vec<_> = stored
        .rows
        .iter()
        .filter(|row| row.root == root.id && row.id != root.id)
        .map(|row| row.name.as_str())
        .collect();
    let times = |name: &str| follow_ups.iter().filter(|it| **it == name).count();
    let found = (
        stored.users.iter().filter(|(id, _)| *id == user).count(),
        stored.identifiers.iter().filter(|(id, _)| *id == user).count(),
        stored.credentials.iter().filter(|id| **id == user).count(),
        times("users.user_registered.v1"),
        times("auth.set_credential.v1"),
    );
    let due = if root.status == "succeeded" { (1, 1, 1, 1, 1) } else { (0, 0, 0, 0, 0) };
    if matches!(&*root.status, "succeeded" | "rejected") && found != due {
        broken.push(format!(
            "I2 (users, identifiers, credentials, events, passwords set) are {found:?} and not {due:?}: {root:?}"
        ));
    }
}

/// I2: exactly one of the sign-ups with the same address succeeds.
fn one_winner_per_address(log: &[SignUp], roots: &BTreeMap<Uuid, &Row>, broken: &mut Vec<String>) {
    let mut outcomes: BTreeMap<&str, BTreeMap<Uuid, &str>> = BTreeMap::new();
    for sign_up in log {
        for (command, _) in sign_up.accepted() {
            let outcome = roots.get(&command).map_or("lost", |row| row.status.as_str());
            outcomes.entry(&sign_up.email).or_default().insert(command, outcome);
        }
    }
    for (email, outcomes) in outcomes {
        if outcomes.values().filter(|outcome| **outcome == "succeeded").count() != 1 {
            broken.push(format!("I2 not one sign-up with {email} succeeded: {outcomes:?}"));
        }
    }
}

/// I3: no user, account or credential exists without a command.
fn no_user_without_a_command(stored: &Stored, roots: &BTreeMap<Uuid, &Row>, broken: &mut Vec<String>) {
    let registered: BTreeSet<_> =
        roots.values().filter(|row| row.name == REGISTER && row.status == "succeeded").map(|row| row.subject).collect();
    let users = stored.users.iter().map(|(id, _)| id);
    let identified = stored.identifiers.iter().map(|(id, _)| id);
    for user in users.chain(identified).chain(&stored.credentials).filter(|id| !registered.contains(id)) {
        broken.push(format!("I3 no command registered {user}"));
    }
    let all: BTreeMap<_, _> = stored.users.iter().cloned().collect();
    for (user, identifier) in &stored.identifiers {
        if all.get(user) != Some(identifier) {
            broken.push(format!("I2 {user} signs in by {identifier}, which is not their address"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::broken_promises;
    use crate::process::load::{Heard, SignUp};
    use crate::process::stored::{Row, Stored};
    use crate::process::uuid;

    /// Two sign-ups with the same address, and the right rows for them.
    fn kept() -> (Vec<SignUp>, Stored) {
        let mut log = Vec::new();
        let mut stored = Stored::default();
        for status in ["succeeded", "rejected"] {
            let (command, user, key) = (uuid(), uuid(), uuid().to_string());
            let heard = vec![
                Heard::Nothing,
                Heard::Refused(503, "database_unavailable".into()),
                Heard::Accepted { command, user },
                Heard::Status("accepted".into()),
                Heard::Status(status.into()),
            ];
            let email = "ada@example.org".to_owned();
            log.push(SignUp { email, password: String::new(), chosen: Some(user), key: key.clone(), heard });
            let row = |id, name: &str, status: &str, key| Row {
                id,
                root: command,
                subject: user,
                name: name.into(),
                status: status.into(),
                key,
                leased: false,
            };
            stored.rows.push(row(command, super::REGISTER, status, Some(key)));
            if status == "succeeded" {
                stored.rows.push(row(uuid(), "users.user_registered.v1", status, None));
                stored.rows.push(row(uuid(), "auth.set_credential.v1", status, None));
                stored.users.push((user, "ada@example.org".into()));
                stored.identifiers.push((user, "ada@example.org".into()));
                stored.credentials.push(user);
            }
        }
        (log, stored)
    }

    /// The checker's output after `harm` has changed a correct log or database.
    fn after(harm: impl FnOnce(&mut Vec<SignUp>, &mut Stored)) -> String {
        let (mut log, mut stored) = kept();
        harm(&mut log, &mut stored);
        broken_promises(&log, &stored).join("\n")
    }

    #[test]
    fn kept_promises_cause_no_complaint() {
        assert_eq!(after(|_, _| {}), "");
        let twice = |log: &mut Vec<SignUp>, _: &mut Stored| {
            let answer = log[0].heard[2].clone();
            log[0].heard.insert(2, answer);
        };
        assert_eq!(after(twice), "", "the same answer twice");
    }

    #[test]
    fn a_lost_command_is_seen() {
        assert!(after(|_, stored| drop(stored.rows.remove(0))).contains("I1 lost"));
        assert!(after(|_, stored| stored.rows.clear()).contains("I1 lost"));
    }

    #[test]
    fn an_answer_about_another_user_is_found() {
        assert!(after(|_, stored| stored.rows[0].subject = uuid()).contains("I1 about another user"));
    }

    #[test]
    fn a_lost_effect_is_seen() {
        assert!(after(|_, stored| stored.users.clear()).contains("I2 (users"));
        assert!(after(|_, stored| stored.identifiers.clear()).contains("I2 (users"));
        assert!(after(|_, stored| stored.credentials.clear()).contains("I2 (users"));
    }

    #[test]
    fn a_doubled_effect_is_seen() {
        assert!(after(|_, stored| stored.users.push(stored.users[0].clone())).contains("I2 (users"));
        assert!(after(|_, stored| stored.credentials.push(stored.credentials[0])).contains("I2 (users"));
        assert!(
            after(|_, stored| stored.rows.push(Row { id: uuid(), ..stored.rows[1].clone() })).contains("I2 (users")
        );
    }

    #[test]
    fn an_effect_of_a_refusal_is_seen() {
        let rejected_user = |_: &mut Vec<SignUp>, stored: &mut Stored| {
            let refused = stored.rows.iter().find(|row| row.status == "rejected").unwrap().subject;
            stored.users.push((refused, "ada@example.org".into()));
        };
        let complaints = after(rejected_user);
        assert!(complaints.contains("I2 (users") && complaints.contains("I3"), "{complaints}");
    }

    #[test]
    fn an_address_with_two_owners_or_none_is_found() {
        for status in ["succeeded", "rejected"] {
            let both = |_: &mut Vec<SignUp>, stored: &mut Stored| {
                stored.rows.iter_mut().filter(|row| row.key.is_some()).for_each(|row| row.status = status.into());
            };
            assert!(after(both).contains("I2 not one sign-up with"), "{status}");
        }
    }

    #[test]
    fn a_user_from_nowhere_is_seen() {
        assert!(after(|_, stored| stored.users.push((uuid(), "eve@example.org".into()))).contains("I3"));
        assert!(after(|_, stored| stored.credentials.push(uuid())).contains("I3"));
    }

    #[test]
    fn an_identifier_of_another_user_is_found() {
        assert!(after(|_, stored| stored.identifiers[0].1 = "eve@example.org".into()).contains("I2 "));
    }

    #[test]
    fn a_key_that_began_two_commands_is_seen() {
        let twice = |_: &mut Vec<SignUp>, stored: &mut Stored| {
            let again = Row { id: uuid(), ..stored.rows[0].clone() };
            stored.rows.push(Row { root: again.id, ..again });
        };
        assert!(after(twice).contains("I4 promised"));
        let another = |log: &mut Vec<SignUp>, _: &mut Stored| {
            let user = log[0].chosen.unwrap();
            log[0].heard.push(Heard::Accepted { command: uuid(), user });
        };
        assert!(after(another).contains("I4 promised"));
    }

    #[test]
    fn two_keys_that_began_one_command_are_seen() {
        let shared = |log: &mut Vec<SignUp>, _: &mut Stored| {
            let answer = log[0].heard[2].clone();
            log[1].heard[2] = answer;
        };
        assert!(after(shared).contains("I4 shared"));
    }

    #[test]
    fn another_id_than_the_chosen_one_is_seen() {
        assert!(after(|log, _| log[0].chosen = Some(uuid())).contains("I4 not the id"));
    }

    #[test]
    fn an_unfinished_or_leased_row_is_seen() {
        for status in ["accepted", "running"] {
            assert!(after(|_, stored| stored.rows[2].status = status.into()).contains("I6"), "{status}");
        }
        assert!(after(|_, stored| stored.rows[2].leased = true).contains("I6"));
    }

    #[test]
    fn an_outcome_that_changed_is_seen() {
        assert!(after(|log, _| log[0].heard.push(Heard::Status("running".into()))).contains("I7"));
        assert!(after(|log, _| log[1].heard.push(Heard::Status("succeeded".into()))).contains("I7"));
    }

    #[test]
    fn a_promise_that_is_denied_is_seen() {
        assert!(after(|log, _| log[0].heard.push(Heard::NotShown(404))).contains("I8 denied"));
        assert!(after(|log, _| log[0].heard.push(Heard::NotShown(500))).contains("I8 answered 500"));
        assert_eq!(after(|log, _| log[0].heard.push(Heard::NotShown(503))), "", "503 says nothing about the command");
    }

    #[test]
    fn a_refusal_and_a_failure_are_seen() {
        assert!(after(|log, _| log[0].heard.push(Heard::Refused(409, "id_taken".into()))).contains("I1 refused"));
        assert!(after(|_, stored| stored.rows[2].status = "failed".into()).contains("I10"));
    }
}
