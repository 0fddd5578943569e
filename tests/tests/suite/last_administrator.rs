//! At least one administrator who can sign in always remains.

use acceptance::{Node, Person, Request, SignedIn, World, in_each_world};
use auth_application::{Authority, SetRole};
use auth_domain::Role;
use auth_infrastructure::run_in_transaction;
use identity::UserId;
use persistence::execute;
use roster::compose::ProcessRole as Process;
use serde_json::json;

in_each_world! {
    an_administrator_about_to_be_deactivated_does_not_count,
    a_deactivation_that_would_leave_no_administrator_is_rejected_and_changes_nothing,
    concurrent_deactivations_and_demotions_leave_one_administrator_who_can_sign_in,
    without_an_able_administrator_others_may_still_be_made_users,
}

const ROUNDS: usize = 20;
const ABLE: &str = "select count(*) from auth_accounts where role = 'admin' and disabled_at is null";

fn set_role(of: &SignedIn, role: &str, by: &SignedIn) -> Request {
    Request::new("PUT", format!("/auth/roles/{}", of.user))
        .body("application/json", json!({ "role": role }).to_string())
        .by(by)
}

/// Delays later messages of this context about a user, or lets them continue.
async fn hold_back(world: &World, context: &str, user: &SignedIn, wait: bool) {
    let sql = if wait {
        (
            "update ledger_messages set status = 'accepted', finished_at = null, next_attempt_at = now() + interval '200 s' \
             where context = $2 and name like 'users.%register%' and subject = $1",
            "update ledger_messages set status = 'accepted', finished_at = null, \
             next_attempt_at = cast(unixepoch('subsec') * 1000000 as integer) + 200000000 \
             where context = $2 and name like 'users.%register%' and subject = $1",
        )
    } else {
        let sql = "update ledger_messages set status = 'succeeded', finished_at = accepted_at \
             where context = $2 and name like 'users.%register%' and subject = $1";
        (sql, sql)
    };
    let mut tx = world.db.begin().await.unwrap();
    assert_eq!(execute!(&mut tx, sql, user.user, context).unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn an_administrator_about_to_be_deactivated_does_not_count(world: &World) {
    let [ada, eve] = ["ada@example.org", "eve@example.org"].map(|email| world.administrator(email));
    let (ada, eve) = (ada.await, eve.await);
    // The deactivation is decided, but the context `auth` has not processed the event yet.
    hold_back(world, "auth", &eve, true).await;
    let accepted = world.send(&eve.deactivating().by(&ada)).await;
    world.until("select count(*) from users_users where deactivated_at is not null", 1).await;
    assert_eq!(world.count(ABLE).await, 2);
    let refused = world.send(&set_role(&ada, "user", &ada)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "last_administrator"), "{refused:?}");
    hold_back(world, "auth", &eve, false).await;
    assert_eq!(world.outcome(&accepted).await["status"], "succeeded");
    let refused = world.send(&set_role(&ada, "user", &ada)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "last_administrator"), "{refused:?}");
    world.done(&eve.reactivating().by(&ada)).await;
    assert_eq!(world.send(&set_role(&ada, "user", &ada)).await.status, 204, "eve can sign in again");
    assert_eq!(world.count("select count(*) from auth_departures").await, 0);
}

async fn a_deactivation_that_would_leave_no_administrator_is_rejected_and_changes_nothing(world: &World) {
    let [ada, eve] = ["ada@example.org", "eve@example.org"].map(|email| world.administrator(email));
    let (ada, eve) = (ada.await, eve.await);
    // Accepted, but executed only after its sender has lost the role.
    hold_back(world, "users", &eve, true).await;
    let accepted = world.send(&eve.deactivating().by(&ada)).await;
    assert_eq!(world.send(&set_role(&ada, "user", &ada)).await.status, 204);
    hold_back(world, "users", &eve, false).await;
    world.outcome(&accepted).await;
    let command = world.send(&Request::get(accepted.header("location").unwrap()).by(&ada)).await.json();
    assert_eq!((&command["status"], &command["error"]["code"]), (&json!("rejected"), &json!("last_administrator")));
    assert_eq!(world.count("select count(*) from users_users where deactivated_at is not null").await, 0);
    assert_eq!(world.count("select count(*) from auth_departures").await, 0);
    assert!(world.knows(&eve).await);
    assert_eq!(world.send(&set_role(&ada, "admin", &eve)).await.status, 204);
    let done = world.send(&eve.deactivating().by(&ada).wait(30)).await;
    assert_eq!(done.status, 200, "{done:?}");
}

async fn concurrent_deactivations_and_demotions_leave_one_administrator_who_can_sign_in(world: &World) {
    let people = ["ada", "eve"].map(|name| Person::new(format!("{name}@example.org")));
    let mut pair = [world.member(&people[0]).await, world.member(&people[1]).await];
    let other = if world.is_shared() {
        let node = world.another_node(Process::All, world.keys()).await;
        node.work().await;
        Some(node)
    } else {
        None
    };
    let there: &Node = other.as_ref().map_or(&**world, |node| node);
    let mut seen = [0; 3];
    for round in 0..ROUNDS {
        for n in 0..2 {
            world.promote(&pair[n]).await;
            if !world.knows(&pair[n]).await {
                pair[n] = world.sign_in(pair[n].user, &people[n]).await;
            }
        }
        let [ada, eve] = &pair;
        let both = match round % 4 {
            0 => [eve.deactivating().by(ada), ada.deactivating().by(eve)],
            1 => [eve.deactivating().by(ada), set_role(ada, "user", eve)],
            2 => [eve.deactivating().by(ada), set_role(ada, "user", ada)],
            _ => [set_role(eve, "user", ada), ada.deactivating().by(eve)],
        };
        let [here, elsewhere] = both;
        let (first, second) = (world.begin(here), there.begin(elsewhere));
        for (answer, node) in [(first.await.unwrap(), &**world), (second.await.unwrap(), there)] {
            match answer.status {
                202 => _ = node.outcome(&answer).await,
                204 | 409 | 401 | 403 => {}
                _ => panic!("{answer:?}"),
            }
        }
        let mut able = Vec::new();
        for (n, person) in people.iter().enumerate() {
            if world.send(&Request::get("/auth/service-keys").by(&pair[n])).await.status == 200 {
                able.push(world.sign_in(pair[n].user, person).await);
            }
        }
        assert!(!able.is_empty(), "round {round}: no administrator can sign in");
        seen[able.len()] += 1;
        for who in &pair {
            world.done(&who.reactivating().by(&able[0])).await;
        }
    }
    assert!(seen[1] > 0, "they met: {seen:?}");
    if let Some(node) = other {
        node.stop().await;
    }
}

async fn without_an_able_administrator_others_may_still_be_made_users(world: &World) {
    let ada = world.member(&Person::new("ada@example.org")).await;
    let eve = world.administrator("eve@example.org").await;
    let give = async |user: &SignedIn, role| {
        let set = SetRole { by: Authority::operator(), user: UserId::new(user.user), role };
        run_in_transaction(&world.db, set).await.unwrap()
    };
    assert!(give(&eve, Role::User).await.unwrap().is_err(), "the last one");
    // A state from before this rule existed.
    let disable = (
        "update auth_accounts set disabled_at = now() where role = 'admin'",
        "update auth_accounts set disabled_at = 1 where role = 'admin'",
    );
    world.run(disable).await;
    assert!(give(&ada, Role::User).await.unwrap().is_ok(), "a user stays one");
    assert!(give(&eve, Role::User).await.unwrap().is_ok(), "an administrator who cannot sign in");
    assert!(give(&ada, Role::Admin).await.unwrap().is_ok());
    assert!(give(&ada, Role::User).await.unwrap().is_err(), "the last one");
    let unknown = SignedIn { user: uuid::Uuid::from_u128(7), ..ada.clone() };
    assert!(give(&unknown, Role::User).await.is_none());
}
