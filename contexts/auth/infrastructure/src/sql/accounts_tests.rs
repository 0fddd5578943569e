use crate::SqlAuth;
use auth_application::{
    Accounts as _, Action, Actor, Administration as _, Audit as _, AuditEvent, Auth, ImportedAccount, UserDeactivated,
    UserEmailChanged, UserReactivated, UserRegistered,
};
use auth_domain::{Administrators, PasswordHash, Role};
use identity::{Email, UserId};
use kernel::{MessageId, RequestOrigin, Timestamp};
use ledger::Adapter as _;
use persistence::testing::TestDb;
use persistence::{Db, SqlTimestamp, Tx, execute, fetch_all, fetch_one};
use use_case::{FollowUpFailure, Handle, HandlerContext, MessageMeta, Outbox};

/// A database with one user, who has one session after [`registered`](Self::registered).
struct World {
    test_db: TestDb,
    user: UserId,
}

impl World {
    async fn each() -> Vec<Self> {
        let mut worlds = Vec::new();
        for test_db in TestDb::each().await {
            for migrations in [ledger::MIGRATIONS, crate::MIGRATIONS] {
                test_db.db.migrate(&migrations).await.expect("a schema");
            }
            worlds.push(Self { test_db, user: UserId::random() });
        }
        worlds
    }

    async fn handle(&self, event: impl Handle<dyn Auth, FollowUpFailure>) -> Result<(), FollowUpFailure> {
        let id = MessageId::random();
        let origin = MessageMeta { id, root: id, accepted_at: at(0) };
        let mut store = SqlAuth(self.test_db.db.begin().await.expect("the database answers"));
        event.handle(HandlerContext::new(store.port(), &origin, &mut Outbox::default())).await?;
        Tx::from(store).commit().await.expect("committed");
        Ok(())
    }

    async fn registered(&self) {
        let email = Email::parse("ada@example.com").expect("an address");
        let event = UserRegistered {
            user_id: self.user,
            version: 1,
            email,
            name: None,
            registered_at: at(1),
            email_verified: false,
            role: None,
            invited_by: None,
        };
        self.handle(event).await.expect("handled");
        let mut tx = self.test_db.db.begin().await.expect("the database answers");
        let sql = "insert into auth_sessions (id, user_id, generation, opened_at, refreshed_at, expires_at, address) \
             values ($1, $2, 1, $3, $3, $3, '')";
        execute!(&mut tx, sql, MessageId::random().as_uuid(), self.user.as_uuid(), SqlTimestamp(at(1)))
            .expect("a session");
        tx.commit().await.expect("committed");
    }

    fn deactivated(&self, version: i64) -> UserDeactivated {
        UserDeactivated { user_id: self.user, version, deactivated_at: at(version), by: None, client: None }
    }

    fn reactivated(&self, version: i64) -> UserReactivated {
        UserReactivated { user_id: self.user, version, reactivated_at: at(version), by: None, client: None }
    }

    /// The time of the deactivation, the version, the number of live sessions, and the number of audit events.
    async fn stored(&self) -> (Option<Timestamp>, i64, i64, i64) {
        let sql = "select disabled_at, version, \
             (select count(*) from auth_sessions s where s.user_id = a.user_id and s.ended_at is null), \
             (select count(*) from auth_audit_events e where e.user_id = a.user_id) from auth_accounts a";
        let mut db = self.test_db.db.read().await.expect("the database answers");
        let (since, version, sessions, lines) =
            fetch_one!(&mut db, (Option<SqlTimestamp>, i64, i64, i64), sql).expect("one");
        (since.map(|at| at.0), version, sessions, lines)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond(1_790_000_000_000_000 + second * 1_000_000).expect("in range")
}

#[tokio::test]
async fn an_older_event_after_a_newer_one_changes_nothing() {
    for world in World::each().await {
        world.registered().await;
        world.handle(world.reactivated(3)).await.expect("handled");
        assert_eq!(world.stored().await, (None, 3, 1, 1));
        for version in [1, 2, 3] {
            world.handle(world.deactivated(version)).await.expect("handled");
            assert_eq!(world.stored().await, (None, 3, 1, 1), "version {version}");
        }
        world.handle(world.deactivated(6)).await.expect("handled");
        assert_eq!(world.stored().await, (Some(at(6)), 6, 0, 2));
        for version in [4, 5, 6] {
            world.handle(world.reactivated(version)).await.expect("handled");
            assert_eq!(world.stored().await, (Some(at(6)), 6, 0, 2), "version {version}");
        }
        world.handle(world.reactivated(7)).await.expect("handled");
        assert_eq!(world.stored().await, (None, 7, 0, 3), "the session does not come back");
    }
}

#[tokio::test]
async fn the_audit_log_names_actor_and_address_and_leaves_unknown_ones_empty() {
    let admin = UserId::random();
    let here = || RequestOrigin { address: "192.0.2.7".to_owned(), request: Some("a request".to_owned()) };
    for world in World::each().await {
        world.registered().await;
        world.handle(UserDeactivated { by: Some(admin), client: Some(here()), ..world.deactivated(2) }).await.unwrap();
        world.handle(UserReactivated { by: Some(admin), client: None, ..world.reactivated(3) }).await.unwrap();
        world.handle(world.deactivated(4)).await.unwrap();
        let sql = "select actor, address, request from auth_audit_events";
        let mut db = world.test_db.db.read().await.unwrap();
        let mut lines = fetch_all!(&mut db, (String, String, Option<String>), sql).unwrap();
        lines.sort();
        let (admin, request) = (format!("user:{admin}"), Some("a request".to_owned()));
        let said = (admin.clone(), "192.0.2.7".to_owned(), request);
        assert_eq!(lines, [("operator".to_owned(), "local".to_owned(), None), (admin, String::new(), None), said]);
    }
}

#[tokio::test]
async fn the_audit_log_keeps_the_order_of_events_that_come_within_a_millisecond() {
    for world in World::each().await {
        let mut store = SqlAuth(world.test_db.db.begin().await.expect("the database answers"));
        for number in 0..200 {
            let event = AuditEvent::by(Actor::Operator, Action::SetRole, RequestOrigin::unknown());
            store.record(AuditEvent { target: Some(format!("{number:03}")), ..event }).await.expect("recorded");
        }
        Tx::from(store).commit().await.expect("committed");
        let mut db = world.test_db.db.read().await.expect("the database answers");
        let sql = "select target from auth_audit_events where target is not null order by at, id";
        assert!(fetch_all!(&mut db, (String,), sql).expect("events").is_sorted());
    }
}

#[tokio::test]
async fn a_deactivation_that_comes_before_the_registration_is_retried() {
    for world in World::each().await {
        let early = world.handle(world.deactivated(2)).await;
        assert!(matches!(early, Err(FollowUpFailure::Unavailable(_))), "{early:?}");
        world.registered().await;
        world.handle(world.deactivated(2)).await.expect("handled");
        assert_eq!(world.stored().await, (Some(at(2)), 2, 0, 1));
    }
}

#[tokio::test]
async fn an_announced_deactivation_counts_until_its_event_or_a_later_one_is_handled() {
    for world in World::each().await {
        world.registered().await;
        let store = async || SqlAuth(world.test_db.db.begin().await.expect("the database answers"));
        let expected = async |version: i64| {
            let mut store = store().await;
            store.expect_departure(world.user, version).await.expect("kept");
            Tx::from(store).commit().await.expect("committed");
        };
        let counts = async || {
            let found = store().await.administrators().await.expect("the database answers");
            assert!(found == Administrators::default() || found == [world.user].into_iter().collect());
            found != Administrators::default()
        };
        let mut making = store().await;
        assert_eq!(making.set_role(world.user, Role::Admin).await.expect("written"), Some(1));
        assert_eq!(
            making.administrators().await.expect("read"),
            Administrators::default(),
            "the user has no password yet"
        );
        let hash = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
        let hash = PasswordHash::parse(hash).expect("a hash");
        making.create_credential(world.user, &hash).await.expect("written");
        Tx::from(making).commit().await.expect("committed");
        assert!(counts().await);
        expected(2).await;
        assert!(!counts().await, "before the event is handled");
        world.handle(world.deactivated(2)).await.expect("handled");
        assert!(!counts().await);
        world.handle(world.reactivated(3)).await.expect("handled");
        assert!(counts().await, "the user can sign in again");
        expected(6).await;
        world.handle(world.reactivated(5)).await.expect("handled");
        assert!(!counts().await, "an earlier event changes nothing");
        world.handle(world.reactivated(7)).await.expect("handled");
        assert!(counts().await, "a later event does");
    }
}

/// Imports the account of a user in a transaction of its own.
async fn import(db: Db, user: UserId) {
    let account = ImportedAccount {
        user_id: user,
        email: Email::parse("ada@example.com").expect("an address"),
        role: "user".into(),
        disabled_at: None,
        email_verified: true,
        password_hash: Some("$2b$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.".into()),
        totp_secret: Some("00ff".into()),
    };
    let mut store = SqlAuth(db.begin().await.expect("the database answers"));
    store.import(&[account]).await.expect("imported");
    Tx::from(store).commit().await.expect("committed");
}

#[tokio::test]
async fn an_import_that_waits_for_an_erasure_creates_no_account_and_no_password() {
    for World { test_db, user } in World::each().await {
        let db = &test_db.db;
        let mut erasing = SqlAuth(db.begin().await.expect("the database answers"));
        erasing.erase_account(user).await.expect("erased");
        let importing = tokio::spawn(import(db.clone(), user));
        // On SQLite it waits for the only writer.
        while db.is_shared() && !importing.is_finished() && !test_db.has_waiting_transaction().await {}
        Tx::from(erasing).commit().await.expect("committed");
        importing.await.expect("imported");
        let mut read = db.read().await.expect("the database answers");
        let sql = "select (select count(*) from auth_accounts) + (select count(*) from auth_credentials)";
        assert_eq!(fetch_one!(&mut read, (i64,), sql).expect("a count").0, 0);
    }
}

#[tokio::test]
async fn an_imported_address_stays_verified_until_it_changes() {
    for world in World::each().await {
        let verified = async || {
            let mut db = world.test_db.db.read().await.expect("the database answers");
            fetch_one!(&mut db, (bool,), "select email_verified from auth_accounts").expect("one").0
        };
        let email = |text| Email::parse(text).expect("an address");
        import(world.test_db.db.clone(), world.user).await;
        assert!(verified().await);
        for (version, address, expected) in [
            (2, "Ada@example.com", true),
            (1, "other@example.com", true),
            (3, "countess@example.com", false),
            (4, "ada@example.com", false),
        ] {
            let (user_id, email, changed_at) = (world.user, email(address), at(version));
            let changed =
                UserEmailChanged { user_id, version, email, email_verified: false, changed_at, by: None, client: None };
            world.handle(changed).await.expect("handled");
            assert_eq!(verified().await, expected, "{version}: {address}");
        }
    }
}
