use super::SqlUsers;
use identity::{Email, UserId};
use kernel::Timestamp;
use ledger::Consent;
use persistence::testing::TestDb;
use persistence::{Tx, fetch_one};
use std::sync::Arc;
use use_case::{CommandFailure, async_trait};
use users_application::Users as _;
use users_domain::{Name, User, UserRole, UserState};
use uuid::Uuid;

/// A consent that is always given.
struct Agrees;

#[async_trait]
impl Consent for Agrees {
    async fn ask(&self, _: &mut Tx, _: Uuid, _: i64) -> Result<(), CommandFailure> {
        Ok(())
    }
}

fn ada() -> User {
    let email = Email::parse("Ada@example.org").expect("an address");
    let name = Name::parse("Ada Lovelace").expect("a name");
    let at = Timestamp::from_microsecond(1_790_000_000_123_456).expect("in range");
    User::register(UserId::random(), email, Some(name), at)
}

#[tokio::test]
async fn a_user_is_read_as_stored_and_replaces_only_the_version_before() {
    for test_db in TestDb::each().await {
        for migrations in [ledger::MIGRATIONS, crate::MIGRATIONS] {
            test_db.db.migrate(&migrations).await.expect("a schema");
        }
        let mut users = SqlUsers(test_db.db.begin().await.expect("a transaction"), Arc::new(Agrees));
        let mut user = ada();
        users.add(&user).await.expect("added");
        assert_eq!(users.load(user.id()).await.expect("read").as_ref(), Some(&user));
        assert_eq!(users.load(UserId::random()).await.expect("read"), None);

        let before = user.clone();
        assert_eq!(user.deactivate(None, user.state().registered_at), Ok(true));
        users.save(&user).await.expect("stored");
        let other = User::restore(UserState { deactivated_at: None, ..user.state().clone() });
        for overtaken in [&other, &before, &User::restore(UserState { version: 4, ..other.state().clone() })] {
            assert!(users.save(overtaken).await.is_err(), "version {}", overtaken.state().version);
        }
        assert_eq!(users.load(user.id()).await.expect("read").as_ref(), Some(&user));
        Tx::from(users).commit().await.expect("committed");
    }
}

#[tokio::test]
async fn every_field_of_a_user_is_stored_when_added_and_when_changed() {
    for test_db in TestDb::each().await {
        for migrations in [ledger::MIGRATIONS, crate::MIGRATIONS] {
            test_db.db.migrate(&migrations).await.expect("a schema");
        }
        let mut users = SqlUsers(test_db.db.begin().await.expect("a transaction"), Arc::new(Agrees));
        let later = |at: Timestamp| at.plus(std::time::Duration::from_secs(1));
        // Names every field, so that the compiler reports a new field that is missing here.
        let UserState { id, email, name, version, registered_at, deactivated_at, .. } = ada().state().clone();
        assert_eq!((name.is_some(), deactivated_at), (true, None));
        let deactivated_at = Some(later(registered_at));
        let first = User::restore(UserState {
            id,
            email,
            name,
            version,
            registered_at,
            deactivated_at,
            email_verified: true,
            email_version: 1,
        });
        users.add(&first).await.expect("added");
        assert_eq!(users.load(id).await.expect("read").as_ref(), Some(&first));
        let changed = UserState {
            id,
            email: Email::parse("Grace@Example.com").expect("an address"),
            name: Some(Name::parse("Grace Hopper").expect("a name")),
            version: version + 1,
            registered_at: later(registered_at),
            deactivated_at: Some(registered_at),
            email_verified: false,
            email_version: version + 1,
        };
        let emptied = UserState { name: None, deactivated_at: None, version: version + 2, ..changed.clone() };
        let (changed, emptied) = (User::restore(changed), User::restore(emptied));
        users.save(&changed).await.expect("stored");
        assert_eq!(users.load(id).await.expect("read").as_ref(), Some(&changed));
        users.save(&emptied).await.expect("stored");
        assert_eq!(users.load(id).await.expect("read").as_ref(), Some(&emptied));
        // The canonical email is stored, too: a second user with it collides, and the previous email is free.
        let email = Email::parse("grace@example.com").expect("an address");
        let again = User::restore(UserState { email, ..ada().state().clone() });
        assert!(users.add(&again).await.is_err());
        users.add(&ada()).await.expect("the previous email is free");
        Tx::from(users).commit().await.expect("committed");
    }
}

#[tokio::test]
async fn a_late_older_role_is_ignored_and_another_role_is_a_new_version_of_the_user() {
    for test_db in TestDb::each().await {
        for migrations in [ledger::MIGRATIONS, crate::MIGRATIONS] {
            test_db.db.migrate(&migrations).await.expect("a schema");
        }
        let mut users = SqlUsers(test_db.db.begin().await.expect("a transaction"), Arc::new(Agrees));
        let user = ada();
        users.add(&user).await.expect("added");
        let mut versions = Vec::new();
        for (version, role) in
            [(1, UserRole::User), (3, UserRole::Admin), (2, UserRole::User), (3, UserRole::User), (4, UserRole::User)]
        {
            users.follow_role(user.id(), version, role).await.expect("stored");
            let sql = "select role, version from users_users where id = $1";
            versions.push(fetch_one!(&mut users.0, (String, i64), sql, user.id().as_uuid()).expect("a row"));
        }
        let seen: Vec<_> = versions.iter().map(|(role, version)| (role.as_str(), *version)).collect();
        assert_eq!(seen, [("user", 1), ("admin", 2), ("admin", 2), ("admin", 2), ("user", 3)]);
        users.follow_role(UserId::random(), 1, UserRole::Admin).await.expect("an unknown user is ignored");
        Tx::from(users).commit().await.expect("committed");
    }
}
