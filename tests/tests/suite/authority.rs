//! Authority is checked when something is done and when something is shown, not only when the head of a request
//! arrives.

use crate::permissions::{Cast, key, table};
use acceptance::{Answer, Person, Request, SignedIn, World, in_each_world};
use serde_json::{Value, json};
use uuid::Uuid;

in_each_world! {
    a_caller_who_loses_authority_while_the_body_arrives_changes_nothing,
    a_stream_shows_no_more_than_anyone_may_see_once_its_session_has_ended,
    a_caller_who_signs_out_while_waiting_sees_no_more_than_anyone_may_see,
    a_demotion_and_concurrent_acts_of_the_administrator_are_recorded_in_a_possible_order,
    administrators_who_demote_each_other_and_sign_in_and_out_at_once_do_not_deadlock,
}

const ROUNDS: usize = 20;

/// How a caller loses the authority for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Demoted,
    SignedOut,
    Deactivated,
    KeyRevoked,
}

impl Loss {
    /// The losses that matter to an operation, by its row in the table. For administrators, demotion is one of them.
    fn of(row: [&str; 7]) -> &'static [Self] {
        let [_, owner, _, _, admin, introspects, _] = row;
        match (owner, admin, introspects) {
            ("403", "in" | "404", _) => &[Self::Demoted, Self::SignedOut, Self::Deactivated],
            (_, _, "in") if owner == "403" => &[Self::KeyRevoked],
            _ => &[Self::SignedOut, Self::Deactivated],
        }
    }

    async fn befall(self, world: &World, cast: &Cast) {
        let boss = &cast.people["admin"].1;
        let late = || &cast.people["late"].1;
        let request = match self {
            Self::Demoted => set_role(late(), "user", boss),
            Self::SignedOut => Request::new("POST", "/auth/logout").by(late()),
            Self::Deactivated => return world.deactivate(late(), boss).await,
            Self::KeyRevoked => Request::new("DELETE", format!("/auth/service-keys/{}", cast.keys["late"].0)).by(boss),
        };
        let answer = world.send(&request).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    fn refusal(self) -> (u16, &'static str) {
        if self == Self::Demoted { (403, "forbidden") } else { (401, "invalid_token") }
    }
}

fn set_role(of: &SignedIn, role: &str, by: &SignedIn) -> Request {
    Request::new("PUT", format!("/auth/roles/{}", of.user))
        .body("application/json", json!({ "role": role }).to_string())
        .by(by)
}

/// All data that an operation may change.
async fn state(world: &World) -> Vec<Vec<String>> {
    let mut state = Vec::new();
    for sql in [
        // The event of a demotion is handled meanwhile.
        "select name || status from ledger_messages where name <> 'auth.role_changed.v1' order by sequence",
        "select identifier || role || case when disabled_at is null then '' else 'disabled' end from auth_accounts order by identifier",
        "select name || case when revoked_at is null then '' else 'revoked' end from auth_service_keys order by id",
        "select hash from auth_credentials order by user_id",
        "select case when ended_at is null then 'live' else ended_why end from auth_sessions order by id",
    ] {
        state.push(world.texts(sql).await);
    }
    state
}

/// The operations that have a body, so that a test can delay it, and that need or use a caller's authority.
fn late_operations(document: &Value) -> Vec<(String, [&'static str; 7])> {
    let has_body = |name: &str| {
        let (method, path) = name.split_once(' ').unwrap();
        let operation = &document["paths"][path][method.to_lowercase()];
        operation.get("requestBody").is_some() || operation["responses"].get("202").is_some()
    };
    // A registration with a token belongs to that caller.
    let depends = |row: &[&str; 7]| row.iter().any(|it| *it != row[0]);
    let asks = |(name, row): &(String, [&str; 7])| row[0] == "401" && depends(row) || *name == "POST /users";
    table(document).into_iter().filter(asks).filter(|(name, _)| has_body(name)).collect()
}

async fn a_caller_who_loses_authority_while_the_body_arrives_changes_nothing(world: &World) {
    let document = world.get("/openapi.json").await.json();
    let operations = late_operations(&document);
    let names: Vec<_> = operations.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["PUT /auth/roles/{id}", "POST /users/{id}/deactivate", "POST /auth/password", "POST /users"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let mut cast = Cast::of(world).await;
    let (mut wrong, mut refused, mut nth) = (Vec::new(), 0, 0);
    for (name, row) in &operations {
        let (name, row) = (name.as_str(), *row);
        for loss in Loss::of(row) {
            nth += 1;
            let person = Person::new(format!("late-{nth}@example.org"));
            let late = world.member(&person).await;
            if loss == &Loss::KeyRevoked {
                let key = key(world, &cast.people["admin"].1, "introspect").await;
                cast.keys.insert("late", key);
                cast.people.remove("late");
            } else {
                cast.people.insert("late", (person, late.clone()));
            }
            if Loss::of(row).contains(&Loss::Demoted) {
                world.promote(&late).await;
            }
            let mut request = cast.request(world, &document, name, "late").await;
            let (method, path) = name.split_once(' ').unwrap();
            if document["paths"][path][method.to_lowercase()].get("requestBody").is_none() {
                request = request.body("application/json", "{}");
            }
            let held = world.hold(&request).await;
            loss.befall(world, &cast).await;
            let before = state(world).await;
            let answer = held.let_go().await;
            let got =
                if answer.status < 400 { (answer.status, String::new()) } else { (answer.status, answer.problem()) };
            if (got.0, got.1.as_str()) != loss.refusal() {
                wrong.push(format!("{name}, {loss:?}: {got:?}"));
            } else if state(world).await != before {
                wrong.push(format!("{name}, {loss:?}: something was done"));
            }
            if loss == &Loss::Demoted {
                let line = format!("user:{} {path}", late.user);
                let lines = "select actor || ' ' || target from auth_audit_events where action = 'access' \
                     and outcome = 'refused' and reason = 'forbidden'";
                let recorded = world.texts(lines).await.iter().filter(|it| **it == line).count();
                refused += usize::from(recorded == 1);
                if recorded != 1 {
                    wrong.push(format!("{name}: recorded {recorded} times"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused >= 4, "{refused}");
}

/// Delays messages about a user until [`release`]: a row that is not due holds back later ones of the same user.
async fn hold_back(world: &World, user: Uuid) {
    let sql = (
        "update ledger_messages set status = 'accepted', finished_at = null, next_attempt_at = now() + interval '200 s' \
         where name = 'users.register_user.v1' and subject = $1",
        "update ledger_messages set status = 'accepted', finished_at = null, \
         next_attempt_at = cast(unixepoch('subsec') * 1000000 as integer) + 200000000 \
         where name = 'users.register_user.v1' and subject = $1",
    );
    world.run_on(sql, user).await;
}

async fn release(world: &World, user: Uuid) {
    let sql = "update ledger_messages set status = 'succeeded', finished_at = accepted_at \
         where name = 'users.register_user.v1' and subject = $1";
    world.run_on(sql, user).await;
}

async fn a_stream_shows_no_more_than_anyone_may_see_once_its_session_has_ended(world: &World) {
    let boss = world.administrator("boss@example.org").await;
    let guest = world.member(&Person::new("guest@example.org")).await;
    for loss in ["signed out", "deactivated"] {
        let admin = world.administrator(&format!("{}@example.org", loss.replace(' ', "-"))).await;
        hold_back(world, guest.user).await;
        let accepted = world.send(&guest.deactivating().by(&admin)).await;
        let events = format!("{}/events", accepted.header("location").unwrap());
        let mut theirs = world.open(&Request::get(&events).by(&admin)).await;
        let mut bosses = world.open(&Request::get(&events).by(&boss)).await;
        theirs.until("\"target\":", 1).await;
        bosses.until("\"target\":", 1).await;
        match loss {
            "deactivated" => world.deactivate(&admin, &boss).await,
            _ => assert_eq!(world.send(&Request::new("POST", "/auth/logout").by(&admin)).await.status, 204),
        }
        release(world, guest.user).await;
        let [theirs, bosses] = [theirs.to_its_end().await, bosses.to_its_end().await];
        assert_eq!(theirs.matches("\"target\":").count(), 1, "{loss}: {theirs}");
        assert!(theirs.contains("\"status\":\"succeeded\""), "{loss}: what anyone may see goes on: {theirs}");
        let shown = |text: &str, what: &str| text.matches(what).count();
        assert_eq!(shown(&bosses, "\"target\":"), shown(&bosses, "event: command"), "{bosses}");
        world.done(&guest.reactivating().by(&boss)).await;
    }
}

async fn a_caller_who_signs_out_while_waiting_sees_no_more_than_anyone_may_see(world: &World) {
    let guest = world.member(&Person::new("guest@example.org")).await;
    let admin = world.administrator("admin@example.org").await;
    let boss = world.administrator("boss@example.org").await;
    let sign_out = |who: &SignedIn| Request::new("POST", "/auth/logout").by(who);

    hold_back(world, guest.user).await;
    let waiting = world.begin(guest.deactivating().by(&admin).wait(30));
    world.until("select count(*) from ledger_messages where name = 'users.deactivate_user.v1'", 1).await;
    assert_eq!(world.send(&sign_out(&admin)).await.status, 204);
    release(world, guest.user).await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 202, "it was accepted: {answer:?}");
    assert!(!answer.body.contains("\"target\":") && !answer.body.contains("guest@"), "{answer:?}");
    world.outcome(&answer).await;
    world.done(&guest.reactivating().by(&boss)).await;

    // Make the registration look unfinished.
    let admin = world.sign_in(admin.user, &Person::new("admin@example.org")).await;
    let elsewhere = Uuid::from_u128(7);
    world.run_on_both("update users_users set id = $2 where id = $1", guest.user, elsewhere).await;
    hold_back(world, guest.user).await;
    let read = Request::get(format!("/users/{}", guest.user));
    let waiting = world.begin(read.clone().by(&admin).wait(30));
    let theirs = world.begin(read.by(&boss).wait(30));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.send(&sign_out(&admin)).await.status, 204);
    world.run_on_both("update users_users set id = $1 where id = $2", guest.user, elsewhere).await;
    release(world, guest.user).await;
    let [answer, theirs]: [Answer; 2] = [waiting.await.unwrap(), theirs.await.unwrap()];
    assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid_token"), "{answer:?}");
    assert!(theirs.body.contains("guest@example.org"), "{theirs:?}");
}

async fn a_demotion_and_concurrent_acts_of_the_administrator_are_recorded_in_a_possible_order(world: &World) {
    let boss = world.administrator("boss@example.org").await;
    let admin = world.administrator("admin@example.org").await;
    let friend = world.member(&Person::new("friend@example.org")).await;
    for round in 0..ROUNDS {
        world.promote(&admin).await;
        let key = Request::post("/auth/service-keys", &json!({ "name": "late", "scope": "introspect" }));
        let mut all = [set_role(&admin, "user", &boss), set_role(&friend, "admin", &admin), key.by(&admin)];
        all.rotate_left(round % 3);
        let answers = world.send_all(all).await;
        assert!(answers.iter().all(|it| matches!(it.status, 201 | 204 | 403)), "{answers:?}");
        assert_eq!(world.send(&set_role(&friend, "user", &boss)).await.status, 204);
    }
    let lines = "select action || ' ' || actor from auth_audit_events where outcome = 'succeeded' and action in ('role.set', 'service_key.create') order by at, id";
    let (by_admin, by_boss) = (format!("user:{}", admin.user), format!("user:{}", boss.user));
    let mut late = 0;
    // In each round the boss demotes the administrator, and then the friend. The administrator does nothing between
    // the two.
    let mut is_demoted = false;
    for line in world.texts(lines).await {
        if line.contains(&by_boss) {
            is_demoted = !is_demoted;
        } else if line.contains(&by_admin) && is_demoted {
            late += 1;
        }
    }
    assert_eq!(late, 0, "done after the demotion");
}

async fn administrators_who_demote_each_other_and_sign_in_and_out_at_once_do_not_deadlock(world: &World) {
    let people = ["a", "b", "c"].map(|name| Person::new(format!("{name}@example.org")));
    let mut all = Vec::new();
    for person in &people {
        all.push(world.member(person).await);
    }
    let deadlocks = async || match world.is_shared() {
        true => world.count("select deadlocks from pg_stat_database where datname = current_database()").await,
        false => 0,
    };
    let before = deadlocks().await;
    for round in 0..ROUNDS {
        for (n, person) in people.iter().enumerate() {
            world.promote(&all[n]).await;
            if !world.knows(&all[n]).await {
                all[n] = world.sign_in(all[n].user, person).await;
            }
        }
        let mut requests = Vec::new();
        for n in 0..3 {
            let (me, next) = (&all[n], &all[(n + 1) % 3]);
            requests.push(set_role(next, "user", me));
            if n == round % 3 {
                requests.push(people[n].login());
            }
            requests.push(me.refreshing());
            requests.push(Request::new("DELETE", "/auth/sessions").by(me));
            if round % 2 == 0 {
                requests.push(Request::new("POST", "/auth/logout").by(next));
            } else if n == round % 3 {
                let new = format!("drei blaue Würfel, {round} mal {n}");
                let change = json!({ "current_password": "a wrong one", "new_password": new });
                requests.push(Request::post("/auth/password", &change).by(me));
            }
        }
        let length = requests.len();
        requests.rotate_left(round % length);
        let answers = world.send_all(requests).await;
        assert!(answers.iter().all(|it| it.status < 500), "{answers:?}");
    }
    assert_eq!(deadlocks().await, before, "PostgreSQL found deadlocks, and undid one of two");
}
