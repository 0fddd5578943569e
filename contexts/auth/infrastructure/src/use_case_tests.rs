//! Signing in and changing a password, over the real ports and without HTTP.

use crate::access::denial_log::DenialLog;
use crate::{HashPool, SqlCredentials, SqlLoginThrottle, SqlUnitOfWork, run_in_transaction};
use auth_application::{
    AnnounceRoles, Authority, ChangePassword, ChangePasswordError, ConfirmPassword, Credentials as _, Denied,
    GuessError, NewSession, PasswordPorts, Principal, RequestOrigin, SetRole, SignIn, SignedIn, TokenHash,
    WrongCredentials, WrongPassword,
};
use auth_domain::{
    AssuranceRules, BcryptCost, LastAdministrator, Need, PasswordFlaw, PasswordPolicy, Role, Session, SessionId,
    SessionLife,
};
use identity::{Email, UserId};
use kernel::Secret;
use persistence::testing::TestDb;
use persistence::{DialectSql, execute, fetch_all, sql};
use std::net::IpAddr;
use std::sync::Arc;
use web::RateLimiter;

const PASSWORD: &str = "Correct horse battery";
const NEW: &str = "another horse, another staple";
/// Of [`PASSWORD`].
const HASH: &str = "$bcrypt-sha256$v=2,t=2b,r=10$n79VH.0Q2TMWmt3Oqt9uku$X.nm/a10UwnxfHHNmox5Yqvu4a5hB/S";
const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";

struct World {
    test_db: TestDb,
    credentials: SqlCredentials,
    throttle: SqlLoginThrottle,
    unit_of_work: SqlUnitOfWork,
    email: Email,
    user: UserId,
}

impl World {
    /// One person, who can sign in.
    async fn each() -> Vec<Self> {
        let mut worlds = Vec::new();
        for test_db in TestDb::each().await {
            for migrations in [ledger::MIGRATIONS, web::MIGRATIONS, crate::MIGRATIONS] {
                test_db.db.migrate(&migrations).await.expect("a schema");
            }
            let db = test_db.db.clone();
            let pool = Arc::new(HashPool::start(2).expect("threads"));
            let limits = RateLimiter::new(db.clone(), true);
            let world = Self {
                credentials: SqlCredentials::new(db.clone(), pool, BcryptCost::try_from(10).expect("in range")),
                throttle: SqlLoginThrottle::new(db.clone(), limits.clone()),
                unit_of_work: SqlUnitOfWork::new(db.clone(), DenialLog::new(db, limits)),
                email: Email::parse("Ada@example.com").expect("an address"),
                user: UserId::random(),
                test_db,
            };
            let account = "insert into auth_accounts (user_id, identifier, version) values ($1, 'ada@example.com', 1)";
            world.execute(account).await;
            let mut tx = world.test_db.db.begin().await.expect("the database answers");
            let credential = "insert into auth_credentials (user_id, hash) values ($1, $2)";
            execute!(&mut tx, credential, world.user.as_uuid(), HASH).expect("a row");
            tx.commit().await.expect("committed");
            worlds.push(world);
        }
        worlds
    }

    /// A statement about the person.
    async fn execute(&self, sql: impl DialectSql) {
        let mut tx = self.test_db.db.begin().await.expect("the database answers");
        execute!(&mut tx, sql, self.user.as_uuid()).expect("done");
        tx.commit().await.expect("committed");
    }

    async fn deactivate(&self) {
        let sql = sql!("update auth_accounts set disabled_at = {now} where user_id = $1");
        self.execute(sql).await;
    }

    fn ports(&self) -> PasswordPorts<'_, SqlUnitOfWork> {
        PasswordPorts { credentials: &self.credentials, throttle: &self.throttle, unit_of_work: &self.unit_of_work }
    }

    async fn sign_in(&self, email: &str, password: &str, from: &str) -> Result<Session, GuessError<WrongCredentials>> {
        let sign_in = SignIn {
            email: &Email::parse(email).expect("an address"),
            password: &Secret::new(password.to_owned()),
            challenge: TokenHash(random_hash()),
            address: address(from),
            session: NewSession {
                token: TokenHash(random_hash()),
                client: RequestOrigin { address: from.to_owned(), request: None },
                life: SessionLife::default(),
                device: None,
            },
        };
        match sign_in.execute(&self.ports()).await? {
            SignedIn::Session(session) => Ok(session),
            SignedIn::Challenged(methods) => panic!("the user has no second factor: {methods:?}"),
        }
    }

    async fn change(&self, session: &Session, current: &str, new: &str) -> Result<(), GuessError<ChangePasswordError>> {
        let change = ChangePassword {
            user: self.user,
            session: session.id,
            email: &self.email,
            current: &Secret::new(current.to_owned()),
            new: &Secret::new(new.to_owned()),
            address: address(HOME),
            by: self.authority(session.id),
            notice: None,
        };
        change.execute(&PasswordPolicy::default(), &self.ports()).await
    }

    async fn confirm(&self, session: &Session, password: &str) -> Result<(), GuessError<WrongPassword>> {
        let confirm = ConfirmPassword {
            user: self.user,
            session: session.id,
            email: &self.email,
            password: &Secret::new(password.to_owned()),
            address: address(HOME),
            by: self.authority(session.id),
        };
        confirm.execute(&self.ports()).await
    }

    fn authority(&self, session: SessionId) -> Authority {
        let client = RequestOrigin { address: HOME.to_owned(), request: None };
        let principal = Principal::Person { user: self.user, session };
        let rules = AssuranceRules::default();
        Authority { principal, client, route: String::new(), need: Need::Confirmed, rules }
    }

    /// Action, outcome and reason of every record in the audit log, in order.
    async fn audit(&self) -> Vec<(String, Option<String>)> {
        let mut db = self.test_db.db.read().await.expect("the database answers");
        let sql = "select action, reason from auth_audit_events order by id";
        fetch_all!(&mut db, (String, Option<String>), sql).expect("records")
    }

    async fn live_sessions(&self) -> usize {
        let mut db = self.test_db.db.read().await.expect("the database answers");
        fetch_all!(&mut db, (uuid::Uuid,), "select id from auth_sessions where ended_at is null").expect("rows").len()
    }
}

fn random_hash() -> [u8; 32] {
    let id = UserId::random().as_uuid();
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(id.as_bytes());
    hash
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn record(action: &str, reason: Option<&str>) -> (String, Option<String>) {
    (action.to_owned(), reason.map(str::to_owned))
}

#[tokio::test]
async fn the_right_password_opens_a_session_and_is_recorded() {
    for world in World::each().await {
        let session = world.sign_in("ADA@example.com", PASSWORD, HOME).await.expect("a session");
        assert_eq!((session.user, world.live_sessions().await), (world.user, 1));
        assert_eq!(world.audit().await, [record("sign_in", None)]);
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_wrong_password_an_unknown_address_and_a_deactivated_person_get_one_answer() {
    for world in World::each().await {
        let wrong = world.sign_in("ada@example.com", "not the password", HOME).await;
        let unknown = world.sign_in("eve@example.com", PASSWORD, HOME).await;
        world.deactivate().await;
        let deactivated = world.sign_in("ada@example.com", PASSWORD, HOME).await;
        for refused in [wrong, unknown, deactivated] {
            assert!(matches!(refused, Err(GuessError::Rejected(WrongCredentials))), "{refused:?}");
        }
        assert_eq!(world.live_sessions().await, 0);
        let wrong = record("sign_in", Some("wrong_credentials"));
        assert_eq!(world.audit().await, [wrong.clone(), wrong, record("sign_in", Some("not_admitted"))]);
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn wrong_passwords_are_throttled_and_the_right_one_opens_from_a_known_address_only() {
    for world in World::each().await {
        world.sign_in("ada@example.com", PASSWORD, HOME).await.expect("home is known from now on");
        let mut refused = 0;
        while let Err(GuessError::Rejected(WrongCredentials)) =
            world.sign_in("ada@example.com", "wrong", ELSEWHERE).await
        {
            refused += 1;
        }
        assert_eq!(refused, 10, "the burst of the account");
        let right = world.sign_in("ada@example.com", PASSWORD, ELSEWHERE).await;
        assert!(matches!(right, Err(GuessError::TooManyGuesses(_))), "{right:?}");
        let wrong_at_home = world.sign_in("ada@example.com", "wrong", HOME).await;
        assert!(matches!(wrong_at_home, Err(GuessError::TooManyGuesses(_))), "no other answer than elsewhere");
        world.sign_in("ada@example.com", PASSWORD, HOME).await.expect("a stranger locks no owner out");
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_right_password_costs_no_guess() {
    for world in World::each().await {
        for _ in 0..12 {
            world.sign_in("ada@example.com", PASSWORD, HOME).await.expect("a session");
        }
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_the_old_one_opens_nothing() {
    for world in World::each().await {
        let here = world.sign_in("ada@example.com", PASSWORD, HOME).await.expect("a session");
        world.sign_in("ada@example.com", PASSWORD, ELSEWHERE).await.expect("another session");
        world.change(&here, PASSWORD, NEW).await.expect("changed");
        assert_eq!(world.live_sessions().await, 1);
        assert!(world.sign_in("ada@example.com", PASSWORD, HOME).await.is_err());
        world.sign_in("ada@example.com", NEW, HOME).await.expect("a session");
        assert_eq!(world.audit().await[2], record("password.change", None));
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_password_is_not_changed_by_a_wrong_one_to_a_bad_one_or_from_an_ended_session() {
    for world in World::each().await {
        let session = world.sign_in("ada@example.com", PASSWORD, HOME).await.expect("a session");
        let wrong = world.change(&session, "not the password", NEW).await;
        assert!(matches!(wrong, Err(GuessError::Rejected(ChangePasswordError::WrongPassword))), "{wrong:?}");
        assert_eq!(world.audit().await[1], record("password.change", Some("wrong_credentials")));
        let short = world.change(&session, PASSWORD, "short").await;
        assert!(
            matches!(&short, Err(GuessError::Rejected(ChangePasswordError::Flawed(flaws))) if flaws.len() == 1),
            "{short:?}"
        );
        let same = world.change(&session, PASSWORD, PASSWORD).await;
        assert!(
            matches!(&same, Err(GuessError::Rejected(ChangePasswordError::Flawed(flaws))) if *flaws == [PasswordFlaw::Unchanged]),
            "{same:?}"
        );
        world.execute("update auth_sessions set ended_at = opened_at, ended_why = 'revoked' where user_id = $1").await;
        let ended = world.change(&session, PASSWORD, NEW).await;
        assert!(matches!(ended, Err(GuessError::Denied(Denied::Ended))), "{ended:?}");
        let verified = world.credentials.verify_of(world.user, &Secret::new(PASSWORD.to_owned())).await;
        assert!(verified.expect("room").is_some(), "the password is the same");
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_password_is_confirmed_only_while_the_session_lasts_and_only_then_costs_no_guess() {
    for world in World::each().await {
        let session = world.sign_in("ada@example.com", PASSWORD, HOME).await.expect("a session");
        for _ in 0..12 {
            world.confirm(&session, PASSWORD).await.expect("confirmed, and the guess is given back");
        }
        let wrong = world.confirm(&session, "not the password").await;
        assert!(matches!(wrong, Err(GuessError::Rejected(WrongPassword))), "{wrong:?}");
        assert_eq!(world.audit().await[1], record("password.confirm", Some("wrong_credentials")));
        world.execute("update auth_sessions set ended_at = opened_at, ended_why = 'revoked' where user_id = $1").await;
        for password in [PASSWORD, "not the password"] {
            let ended = world.confirm(&session, password).await;
            assert!(matches!(ended, Err(GuessError::Denied(Denied::Ended))), "{ended:?}");
        }
        world.test_db.end().await;
    }
}

#[tokio::test]
async fn a_role_that_was_set_without_an_event_is_published_once() {
    for world in World::each().await {
        let db = &world.test_db.db;
        assert_eq!(run_in_transaction(db, AnnounceRoles).await.expect("run"), 0, "users need no event");
        world.execute("update auth_accounts set role = 'admin' where user_id = $1").await;
        assert_eq!(run_in_transaction(db, AnnounceRoles).await.expect("run"), 1);
        assert_eq!(run_in_transaction(db, AnnounceRoles).await.expect("run"), 0);
        let set = SetRole { by: Authority::operator(), user: world.user, role: Role::User };
        assert_eq!(run_in_transaction(db, set).await.expect("run"), Some(Err(LastAdministrator)));
        let set = SetRole { by: Authority::operator(), user: world.user, role: Role::Admin };
        assert_eq!(run_in_transaction(db, set).await.expect("run"), Some(Ok(())));
        assert_eq!(run_in_transaction(db, AnnounceRoles).await.expect("run"), 0, "the version is counted");
    }
}
