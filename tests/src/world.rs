#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a step that does not work fails the test"
)]

use crate::{Node, Person};
use auth_application::Credentials as _;
use auth_domain::BcryptCost;
use auth_infrastructure::{HashPool, SqlCredentials};
use contracts::SendMail;
use identity::Email;
use kernel::Secret;
use ledger::Queue;
use mail_infrastructure::MailServer;
use persistence::testing::TestDb;
use persistence::{Db, DialectSql, execute, fetch_all, fetch_one};
use roster::compose::{AppConfig, Broker, ProcessRole};
use roster::settings::ServiceOptions;
use sealing::Keys;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tracing_subscriber::EnvFilter;
use use_case::{Lane, Outgoing};
use users_infrastructure::RegistrationMode;
use uuid::Uuid;

/// A timeout far longer than any working step takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The database and the hints of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    PostgresAndRabbitMq,
}

/// An installation of Roster with its own database and queues. It derefs to the [`Node`] of its first process.
pub struct World {
    pub kind: Kind,
    /// A direct connection to the database.
    pub db: Db,
    test_db: TestDb,
    folder: TempDir,
    broker: Option<Broker>,
    node: Node,
    leaves_work: AtomicBool,
}

/// Runs a test in a new world of this kind. If `works`, the process executes commands.
///
/// # Panics
/// If the test fails, or leaves unfinished messages or payloads that should have been erased.
pub async fn in_world(kind: Kind, works: bool, test: impl AsyncFn(&World)) {
    let _report = ReportsProblems;
    let Some(world) = World::new(kind).await else { return };
    if works {
        world.work().await;
    }
    test(&world).await;
    world.finish().await;
}

/// Prints the last warnings and errors if a test fails. They may come from a test that ran at the same time.
struct ReportsProblems;

impl Drop for ReportsProblems {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = logs();
            let problems = logs.lines().rev().filter(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""));
            problems.take(5).for_each(|line| eprintln!("  {line}"));
        }
    }
}

impl std::ops::Deref for World {
    type Target = Node;
    fn deref(&self) -> &Node {
        &self.node
    }
}

impl World {
    /// `None` if tests run without servers and this kind needs one.
    async fn new(kind: Kind) -> Option<Self> {
        keep_logs();
        let test_db = match kind {
            Kind::Sqlite => TestDb::sqlite().await,
            Kind::Postgres | Kind::PostgresAndRabbitMq => TestDb::postgres().await?,
        };
        let broker = if kind == Kind::PostgresAndRabbitMq { Some(broker()?) } else { None };
        roster::schema::migrate(&test_db.db).await.expect("the schema is applied");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = Keys::in_directory(folder.path()).expect("keys are made");
        auth_infrastructure::factor_keys::add_first(keys.file()).expect("a key is made");
        let node = Node::start(config(&test_db.url, keys, ProcessRole::All, broker.clone()).await).await;
        let db = test_db.db.clone();
        Some(Self { kind, db, test_db, folder, broker, node, leaves_work: AtomicBool::new(false) })
    }

    /// Whether several processes can share the database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.kind != Kind::Sqlite
    }

    /// The installation's keys.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::in_directory(self.folder.path()).expect("the keys are there")
    }

    /// Another process on the same servers. It executes commands after [`Node::work`] is called.
    pub async fn another_node(&self, role: ProcessRole, keys: Keys) -> Node {
        Node::start(config(&self.test_db.url, keys, role, self.broker.clone()).await).await
    }

    /// An API process with rate limits that trusts these proxies. It has the keys of the others. Since it executes no
    /// commands, it can share their SQLite file.
    pub async fn limited_node(&self, proxies: &str) -> Node {
        let mut config = config(&self.test_db.url, self.keys(), ProcessRole::Api, self.broker.clone()).await;
        config.options.limits = true;
        config.options.proxies = proxies.parse().expect("proxies");
        Node::start(config).await
    }

    /// An API process that takes files to import up to this size, in bytes.
    pub async fn node_with_imports_up_to(&self, largest: u64) -> Node {
        let mut config = config(&self.test_db.url, self.keys(), ProcessRole::Api, self.broker.clone()).await;
        config.options.import_max = largest;
        Node::start(config).await
    }

    /// A process that sends mail by this server, and gives it a second for each mail. It executes commands.
    pub async fn node_with_mail(&self, url: &str, requires_tls: bool) -> Node {
        let mut config = config(&self.test_db.url, self.keys(), ProcessRole::All, self.broker.clone()).await;
        config.options.mail.server = MailServer::Smtp { url: url.parse().expect("a URL"), requires_tls };
        config.options.mail.from = "Example <accounts@example.org>".parse().expect("a sender");
        config.options.mail.patience = Duration::from_secs(1);
        let node = Node::start(config).await;
        node.work().await;
        node
    }

    /// An API process that sends no mail.
    pub async fn node_without_mail(&self) -> Node {
        let mut config = config(&self.test_db.url, self.keys(), ProcessRole::Api, self.broker.clone()).await;
        config.options.mail.server = MailServer::Off;
        Node::start(config).await
    }

    /// An API process where this mode decides who may register.
    pub async fn node_with_registration(&self, mode: RegistrationMode) -> Node {
        self.node_with(|options| options.registration = mode).await
    }

    /// An API process with other options.
    pub async fn node_with(&self, change: impl FnOnce(&mut ServiceOptions)) -> Node {
        let mut config = config(&self.test_db.url, self.keys(), ProcessRole::Api, self.broker.clone()).await;
        change(&mut config.options);
        Node::start(config).await
    }

    /// The texts of all mails of a template to an address in the mailbox, the earliest first. Waits until every message is
    /// handled.
    pub async fn mails(&self, template: &str, to: &str) -> Vec<String> {
        self.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
        let sql = "select template || ' ' || recipient || ' ' || text from mail_mails where text is not null \
             order by created_at, id";
        let prefix = format!("{template} {to} ");
        self.texts(sql).await.iter().filter_map(|mail| mail.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// Asks the context `mail` for a mail, as another context does.
    pub async fn ask_for_mail(&self, mail: &SendMail) {
        let mut tx = self.db.begin().await.expect("the database answers");
        ledger::post(&mut tx, &Outgoing::new_message(mail), "operator").await.expect("posted");
        tx.commit().await.expect("committed");
    }

    /// The texts of the mails of this kind to this address in the mailbox, the first mail first. Waits for `count` of them.
    pub async fn mails_to(&self, to: &str, template: &str, count: usize) -> Vec<String> {
        let sql = "select text from mail_mails where recipient = $1 and template = $2 and text is not null \
             order by created_at, id";
        let give_up = Instant::now() + PATIENCE;
        loop {
            let mut db = self.db.read().await.expect("the database answers");
            let rows = fetch_all!(&mut db, (String,), sql, to, template).expect("rows");
            drop(db);
            if rows.len() >= count {
                return rows.into_iter().map(|(text,)| text).collect();
            }
            assert!(Instant::now() < give_up, "{} mails {template} to {to}, never {count}", rows.len());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The token of the latest mail of this kind to this address, after waiting for `count` mails.
    pub async fn token_to(&self, to: &str, template: &str, count: usize) -> String {
        crate::smtp::token_in(self.mails_to(to, template, count).await.last().expect("a mail"))
    }

    /// Changes rows, such as times: a test does not wait for them.
    pub async fn change(&self, sql: impl DialectSql) {
        let mut tx = self.db.begin().await.expect("the database answers");
        execute!(&mut tx, sql).expect("changed");
        tx.commit().await.expect("committed");
    }

    /// An API process with this public URL.
    pub async fn node_below(&self, public_url: &str) -> Node {
        let mut config = config(&self.test_db.url, self.keys(), ProcessRole::Api, self.broker.clone()).await;
        config.options.public_url = Some(public_url.parse().expect("a public URL"));
        Node::start(config).await
    }

    /// An API process with rate limits that pages of these origins may use.
    pub async fn node_for_pages_of(&self, origins: &str) -> Node {
        let mut config = config(&self.test_db.url, self.keys(), ProcessRole::Api, self.broker.clone()).await;
        config.options.limits = true;
        config.options.cors = origins.parse().expect("origins");
        Node::start(config).await
    }

    /// An API process that accepts a used refresh token again for this long.
    pub async fn lenient_node(&self, grace: Duration) -> Node {
        let mut config = config(&self.test_db.url, self.keys(), ProcessRole::Api, self.broker.clone()).await;
        config.options.refresh_grace = grace;
        Node::start(config).await
    }

    /// Signs a person up, waits until they can sign in, and returns the user id.
    pub async fn register(&self, person: &Person) -> Uuid {
        let command = self.outcome(&self.send(&person.sign_up()).await).await;
        assert_eq!(command["status"], "succeeded", "{command}");
        command["target"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
    }

    /// The user with this address and password.
    pub async fn verify(&self, email: &str, password: &str) -> Option<Uuid> {
        static POOL: OnceLock<Arc<HashPool>> = OnceLock::new();
        let pool = POOL.get_or_init(|| Arc::new(HashPool::start(16).expect("threads")));
        let credentials = SqlCredentials::new(self.db.clone(), Arc::clone(pool), cost());
        let email = Email::parse(email).expect("an address");
        let found = credentials.verify(&email, &Secret::new(password.to_owned())).await;
        found.expect("the credentials can be read").map(|proven| proven.user.as_uuid())
    }

    /// Runs a query for a number.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut db = self.db.read().await.expect("the database answers");
        fetch_one!(&mut db, (i64,), sql).expect("one row").0
    }

    /// Runs a query for texts.
    pub async fn texts(&self, sql: impl DialectSql) -> Vec<String> {
        let mut db = self.db.read().await.expect("the database answers");
        let rows = fetch_all!(&mut db, (Option<String>,), sql).expect("rows");
        rows.into_iter().map(|(text,)| text.unwrap_or_default()).collect()
    }

    /// Repeats a query until it returns this number.
    pub async fn until(&self, sql: &'static str, wanted: i64) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let found = self.count(sql).await;
            if found == wanted {
                return;
            }
            assert!(Instant::now() < give_up, "{sql}: {found}, never {wanted}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// All files of the SQLite database, and the key file.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let database = self.test_db.url.strip_prefix("sqlite://").and_then(|path| Path::new(path).parent());
        let folders = database.into_iter().chain([self.folder.path()]);
        let files = folders.flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
        files.map(|file| file.expect("a file").path()).collect()
    }

    /// Allows the test to leave unfinished messages.
    pub fn leaves_work(&self) {
        self.leaves_work.store(true, Ordering::Relaxed);
    }

    async fn finish(self) {
        if !self.leaves_work.load(Ordering::Relaxed) {
            self.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
            let failed = self.texts("select name || errors from ledger_messages where status = 'failed'").await;
            assert!(failed.is_empty(), "failed messages: {failed:?}");
            let users = self.count("select count(*) from users_users").await;
            for (what, sql) in PER_USER {
                assert_eq!(self.count(sql).await, users, "{what} for each user");
            }
        }
        let kept =
            "select count(*) from ledger_messages where status in ('succeeded', 'rejected') and payload is not null";
        assert_eq!(self.count(kept).await, 0, "finished messages keep no payload, and so no sealed password");
        let Self { node, test_db, broker, .. } = self;
        node.stop().await;
        test_db.end().await;
        if let Some(Broker { url, prefix }) = broker {
            let lanes = |context| Lane::ALL.map(|lane| Queue { context, lane });
            let queues: Vec<_> = roster::contexts::names().into_iter().flat_map(lanes).collect();
            messaging::delete_queues(&url, &prefix, &queues).await.expect("the broker answers");
        }
    }
}

/// Rows of which each user has exactly one when every command has ended.
const PER_USER: [(&str, &str); 3] = [
    (
        "a registration that succeeded",
        "select count(*) - (select count(*) from users_erased) from ledger_messages where name in \
         ('users.register_user.v1', 'users.confirm_registration.v1', 'users.accept_invitation.v1') \
         and status = 'succeeded'",
    ),
    (
        "an identifier that is theirs",
        "select count(*) from auth_accounts join users_users on id = user_id and identifier = email_canonical",
    ),
    ("a credential", "select count(*) from auth_credentials join users_users on id = user_id"),
];

fn cost() -> BcryptCost {
    BcryptCost::try_from(10).expect("the least that is allowed")
}

/// The configuration of a process. Each process opens its own connections to the database, as in production.
async fn config(url: &str, keys: Keys, role: ProcessRole, broker: Option<Broker>) -> AppConfig {
    let db = match url.strip_prefix("sqlite://") {
        Some(path) => Db::open_without_fsync(Path::new(path)).await,
        None => Db::open(&url.parse().expect("a URL")).await,
    };
    let (max_delay, bcrypt_cost) = (Duration::from_secs(3600), cost());
    // Tests send many requests from one address, so limits are off. Tests of limits use `World::limited_node`.
    let options = ServiceOptions {
        bcrypt_cost,
        refresh_grace: Duration::ZERO,
        max_delay,
        limits: false,
        ..ServiceOptions::default_values()
    };
    AppConfig { db: db.expect("the database opens"), keys, role, broker, options }
}

/// A broker with a prefix of its own for queue names.
fn broker() -> Option<Broker> {
    let Ok(url) = std::env::var("TEST_AMQP_URL") else {
        if std::env::var_os("TEST_EMBEDDED").is_some() {
            return None;
        }
        panic!("TEST_AMQP_URL is not set: run `cargo xtask test`, which starts a RabbitMQ");
    };
    Some(Broker { url, prefix: format!("test-{}", kernel::MessageId::random()) })
}

static LOGS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Everything that this test process has logged, at a more verbose level than the default.
#[must_use]
pub fn logs() -> String {
    String::from_utf8_lossy(&lines()).into_owned()
}

fn lines() -> MutexGuard<'static, Vec<u8>> {
    LOGS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::new("debug,sqlx=info,lapin=off");
        tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(|| Lines).init();
    });
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        lines().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
