use super::SqlUsers;
use kernel::{Email, Timestamp, UserId};
use persistence::Tx;
use persistence::testing::TestDb;
use users_application::Users as _;
use users_domain::{Name, User};

fn ada() -> User {
    let email = Email::parse("Ada@example.org").expect("an address");
    let name = Name::parse("Ada Lovelace").expect("a name");
    let at = Timestamp::from_microsecond(1_790_000_000_123_456).expect("in range");
    User::register(UserId::random(), email, Some(name), at)
}

#[tokio::test]
async fn a_user_is_read_as_stored_and_stored_only_over_the_version_before() {
    for test_db in TestDb::each().await {
        for migrations in [ledger::MIGRATIONS, crate::MIGRATIONS] {
            test_db.db.migrate(&migrations).await.expect("a schema");
        }
        let mut users = SqlUsers::from(test_db.db.begin().await.expect("a transaction"));
        let mut user = ada();
        users.add(&user).await.expect("added");
        assert_eq!(users.load(user.id).await.expect("read").as_ref(), Some(&user));
        assert_eq!(users.load(UserId::random()).await.expect("read"), None);

        let before = user.clone();
        assert_eq!(user.deactivate(None, user.registered_at), Ok(true));
        users.save(&user).await.expect("stored");
        let other = User { deactivated_at: None, ..user.clone() };
        for overtaken in [&other, &before, &User { version: 4, ..other.clone() }] {
            assert!(users.save(overtaken).await.is_err(), "version {}", overtaken.version);
        }
        assert_eq!(users.load(user.id).await.expect("read").as_ref(), Some(&user));
        Tx::from(users).commit().await.expect("committed");
    }
}
