use super::SqlCredentials;
use crate::HashPool;
use auth_application::{Credentials as _, VerifiedPassword};
use auth_domain::{BcryptCost, PasswordHash};
use futures::future::join_all;
use identity::{Email, UserId};
use kernel::Secret;
use persistence::testing::TestDb;
use persistence::{execute, fetch_one};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;
use tracing::{Event, Level, Metadata, span};
use use_case::Unavailable;

const PASSWORD: &str = "Correct horse battery";
/// A hash of `PASSWORD`.
const IMPORTED: &str = "$2b$10$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.";
const OURS: &str = "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$X.nm/a10UwnxfHHNmox5Yqvu4a5hB/S";
/// A hash of 72 `a`.
const ANOTHER: &str = "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$XewvqasLEz9FoOo9xlEWNWl4OX4qt96";
const ROUNDS: usize = 20;

struct World {
    test_db: TestDb,
    pool: Arc<HashPool>,
    credentials: SqlCredentials,
    user: UserId,
}

impl World {
    /// One user with an imported hash; new passwords get a cost of 10. There is a thread for each caller, so that no
    /// caller is refused on a slow machine.
    async fn each() -> Vec<Self> {
        join_all(TestDb::each().await.into_iter().map(|test_db| Self::on(test_db, 4))).await
    }

    async fn on(test_db: TestDb, threads: usize) -> Self {
        for migrations in [ledger::MIGRATIONS, crate::MIGRATIONS] {
            test_db.db.migrate(&migrations).await.expect("a schema");
        }
        let pool = Arc::new(HashPool::start(threads).expect("threads"));
        let credentials = SqlCredentials::new(test_db.db.clone(), Arc::clone(&pool), cost(10));
        let user = UserId::random();
        let mut tx = test_db.db.begin().await.expect("the database answers");
        let identifier = "insert into auth_accounts (user_id, identifier, version) values ($1, 'ada@example.com', 1)";
        execute!(&mut tx, identifier, user.as_uuid()).expect("a row");
        execute!(&mut tx, "insert into auth_credentials (user_id, hash) values ($1, '')", user.as_uuid())
            .expect("a row");
        tx.commit().await.expect("committed");
        let world = Self { test_db, pool, credentials, user };
        world.store(IMPORTED).await;
        world
    }

    async fn store(&self, hash: &str) {
        let mut tx = self.test_db.db.begin().await.expect("the database answers");
        execute!(&mut tx, "update auth_credentials set hash = $1 where user_id = $2", hash, self.user.as_uuid())
            .expect("stored");
        tx.commit().await.expect("committed");
    }

    async fn stored(&self) -> String {
        let mut db = self.test_db.db.read().await.expect("the database answers");
        fetch_one!(&mut db, (String,), "select hash from auth_credentials").expect("one row").0
    }

    async fn verify(&self, email: &str, password: &str) -> Result<Option<VerifiedPassword>, Unavailable> {
        self.credentials.verify(&Email::parse(email).expect("an address"), &Secret::new(password.to_owned())).await
    }

    async fn sign_in(&self) -> Option<VerifiedPassword> {
        self.verify("Ada@example.com", PASSWORD).await.expect("room")
    }

    fn at_cost(&self, log2: u8) -> SqlCredentials {
        SqlCredentials::new(self.test_db.db.clone(), Arc::clone(&self.pool), cost(log2))
    }
}

fn cost(log2: u8) -> BcryptCost {
    BcryptCost::try_from(log2).expect("in range")
}

#[tokio::test]
async fn a_sign_in_renews_an_imported_hash_and_then_leaves_it_alone() {
    for world in World::each().await {
        let verified = world.sign_in().await.expect("it fits");
        let renewed = world.stored().await;
        assert!(renewed.starts_with("$bcrypt-sha256$v=2,t=2b,r=10$"), "{renewed}");
        assert_eq!((verified.user, verified.hash.expose()), (world.user, renewed.clone()));
        let before = world.pool.sign_ins.handed_in();
        let verified = world.sign_in().await.expect("it still fits");
        assert_eq!((verified.hash.expose(), world.stored().await), (renewed.clone(), renewed));
        assert_eq!(world.pool.sign_ins.handed_in() - before, 1 << 10, "one hash");
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_password_is_verified_by_user_id() {
    for world in World::each().await {
        let verify = async |user, password: &str| {
            world.credentials.verify_of(user, &Secret::new(password.to_owned())).await.expect("room")
        };
        assert!(verify(world.user, "wrong").await.is_none());
        assert!(verify(UserId::random(), PASSWORD).await.is_none());
        assert_eq!(world.stored().await, IMPORTED, "nothing is renewed without the password");
        let verified = verify(world.user, PASSWORD).await.expect("it fits");
        assert_eq!(verified.hash.expose(), world.stored().await);
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_hash_is_renewed_to_a_higher_cost_and_never_to_a_lower_one() {
    let world = World::on(TestDb::sqlite().await, 4).await;
    let ada = Email::parse("ada@example.com").expect("an address");
    let password = Secret::new(PASSWORD.to_owned());
    world.store(OURS).await;
    world.at_cost(11).verify(&ada, &password).await.expect("room").expect("it fits");
    let higher = world.stored().await;
    assert!(higher.starts_with("$bcrypt-sha256$v=2,t=2b,r=11$"), "{higher}");
    world.sign_in().await.expect("it fits");
    assert_eq!(world.stored().await, higher);
    world.store("$2b$11$n79VH.0Q2TMWmt3Oqt9ukuNjeluQm8pkbfo4yK6eRBreq3W71o4Xi").await;
    world.sign_in().await.expect("it fits");
    assert!(world.stored().await.starts_with("$bcrypt-sha256$v=2,t=2b,r=11$"));
}

#[tokio::test]
async fn a_new_password_is_hashed_in_nfc_and_verified() {
    let world = World::on(TestDb::sqlite().await, 4).await;
    let hash = world.credentials.hash(&Secret::new("e\u{301}t\u{e9}".to_owned())).await.expect("room");
    assert!(hash.is_ours());
    world.store(&hash.expose()).await;
    for spelling in ["\u{e9}t\u{e9}", "e\u{301}te\u{301}"] {
        assert!(world.verify("ada@example.com", spelling).await.expect("room").is_some(), "{spelling}");
    }
}

#[tokio::test]
async fn an_unknown_address_gets_the_same_result_after_the_same_work() {
    for world in World::each().await {
        for (email, password) in [("unknown@example.com", PASSWORD), ("ada@example.com", "wrong")] {
            let before = world.pool.sign_ins.handed_in();
            assert!(world.verify(email, password).await.expect("room").is_none());
            assert_eq!(world.pool.sign_ins.handed_in() - before, 1 << 10, "{email}");
        }
        world.test_db.end().await;
    }
}

/// Counts log lines of the level error, and refuses secrets in them.
struct Errors(Arc<AtomicUsize>);

impl tracing::Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }
    fn event(&self, event: &Event<'_>) {
        struct Canary;
        impl tracing::field::Visit for Canary {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                let shown = format!("{value:?}");
                assert!(!shown.contains("canary") && !shown.contains("$31$"), "{shown}");
            }
        }
        event.record(&mut Canary);
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The test for ASVS 11.2.5: cryptography fails closed, and the errors reveal nothing.
#[tokio::test]
async fn a_malformed_stored_hash_matches_no_password_and_only_the_log_reports_it() {
    let world = World::on(TestDb::sqlite().await, 4).await;
    for stored in ["canary", "", "$2b$31$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV.", "$2x$10$canary"] {
        world.store(stored).await;
        let before = world.pool.sign_ins.handed_in();
        let errors = Arc::new(AtomicUsize::new(0));
        let guard = tracing::subscriber::set_default(Errors(Arc::clone(&errors)));
        assert!(world.sign_in().await.is_none(), "{stored}");
        drop(guard);
        assert_eq!(errors.load(Ordering::Relaxed), 1, "{stored}");
        assert_eq!(world.pool.sign_ins.handed_in() - before, 1 << 10, "{stored}");
        assert_eq!(world.stored().await, stored);
    }
}

#[tokio::test]
async fn concurrent_sign_ins_renew_the_hash_once_and_all_return_it() {
    for world in World::each().await {
        for _ in 0..ROUNDS {
            world.store(IMPORTED).await;
            let verified = join_all((0..3).map(|_| world.sign_in())).await;
            let stored = world.stored().await;
            for verified in verified {
                assert_eq!(verified.expect("it fits").hash.expose(), stored);
            }
        }
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_change_of_password_during_sign_ins_is_never_undone() {
    for world in World::each().await {
        for round in 0..ROUNDS {
            world.store(IMPORTED).await;
            let before = world.pool.sign_ins.handed_in();
            let change = async {
                // Three hashes to verify, three to renew, and the two sign-ins that lost verify again.
                let stage = u64::try_from(round % 9).expect("small") << 10;
                while world.pool.sign_ins.handed_in() - before < stage {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                world.store(ANOTHER).await;
            };
            let (verified, ()) = tokio::join!(join_all((0..3).map(|_| world.sign_in())), change);
            assert_eq!(world.stored().await, ANOTHER, "the change stays");
            let mut verified = verified.into_iter().flatten();
            assert!(
                verified.all(|it| it.hash.expose() != ANOTHER),
                "a sign-in with the old password returns the old hash"
            );
        }
        assert!(world.sign_in().await.is_none(), "the old password is gone");
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_password_that_is_changed_between_verifying_and_renewing_is_wrong() {
    for test_db in TestDb::each().await {
        let world = World::on(test_db, 0).await;
        let serving: OnceLock<thread::JoinHandle<()>> = OnceLock::new();
        let change = async {
            while world.pool.sign_ins.handed_in() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            world.store(ANOTHER).await;
            let queue = Arc::clone(&world.pool.sign_ins);
            serving.get_or_init(|| thread::spawn(move || queue.compute_bcrypt(|| {})));
        };
        let (verified, ()) = tokio::join!(world.sign_in(), change);
        assert!(verified.is_none());
        assert_eq!(world.stored().await, ANOTHER);
        // The old hash, its renewal, then the hash that is stored now.
        assert_eq!(world.pool.sign_ins.handed_in(), 3 << 10);
        let other = PasswordHash::parse(&world.stored().await).expect("a hash");
        let verified = world.verify("ada@example.com", &"a".repeat(72)).await.expect("room").expect("the new one fits");
        assert_eq!(verified.hash.expose(), other.expose());
        world.test_db.end().await;
    }
}
