//! Composes a process: builds the adapters and passes them to the bounded contexts.

use crate::contexts::contexts;
use crate::first_administrator;
pub use crate::first_administrator::FirstAdministrator;
use crate::installation::sealing_keys;
use crate::key_watch::KeyWatch;
use crate::message_node::{MessageNode, WakeUps};
use crate::operator_commands::OperatorCommands;
use crate::problems::PROBLEMS;
use crate::product;
use crate::readiness::ProcessReadiness;
use auth_access::{Authenticate, KnownCallers, PasswordSealer};
use auth_domain::{BcryptCost, PasswordPolicy, SessionLife};
use auth_infrastructure::tokens::{AccessTokens, SigningKeys, TokenError};
use auth_infrastructure::{AuthState, Authenticator, HashPool, Hashing, PolicyAndSeal, SqlCredentials};
use axum::{Extension, Router};
use ledger::{Ledger, MessageHandlers};
use messaging::AddressError;
use persistence::{Db, SqlError};
use sealing::{Keys, KeysError};
use serde_json::json;
use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Schema, ServerBuilder};
use web::health::Stopping;
use web::{Commands, ConnectionLimits, EdgeSettings, FrontPage, Proxies, PublicUrl, RateLimiter, RequestTasks};

/// The adapters and services that the HTTP sides of contexts are built with.
pub(crate) struct Dependencies {
    pub(crate) passwords: PasswordServices,
    pub(crate) auth: AuthState,
    authenticator: Authenticator,
    tasks: RequestTasks,
    signing: Arc<SigningKeys>,
}

/// The services that check, seal, hash and verify passwords.
pub(crate) struct PasswordServices {
    pub(crate) gate: Arc<dyn PasswordSealer>,
    pub(crate) hashing: Arc<Hashing>,
    pub(crate) credentials: Arc<SqlCredentials>,
}

/// The role of a process: API, worker, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProcessRole {
    /// Answer requests and execute commands
    All,
    /// Answer requests
    Api,
    /// Execute commands
    Worker,
}

impl ProcessRole {
    /// Whether it answers requests.
    #[must_use]
    pub fn answers(self) -> bool {
        self != Self::Worker
    }

    /// Whether it executes commands.
    #[must_use]
    pub fn works(self) -> bool {
        self != Self::Api
    }
}

/// How to reach RabbitMQ.
#[derive(Clone)]
pub struct Broker {
    /// `AMQP_URL`
    pub url: String,
    /// The prefix of the names of its queues: `roster`.
    pub prefix: String,
}

/// The issuer and the audience of access tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
}

impl Default for Issuer {
    fn default() -> Self {
        Self { issuer: product::NAME.to_owned(), audience: product::NAME.to_owned() }
    }
}

/// How long requests whose clients have hung up may take to end, counted from the begin of the stop. It is a little
/// longer than connections may take to drain.
const TASKS_WITHIN: Duration = Duration::from_secs(26);
/// The lifetime of an access token.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// The configuration of [`Roster::compose`].
pub struct AppConfig {
    pub db: Db,
    /// The installation's keys.
    pub keys: Keys,
    pub role: ProcessRole,
    /// Without a broker, hints stay in the process or go through PostgreSQL.
    pub broker: Option<Broker>,
    /// The cost of hashing new passwords.
    pub bcrypt_cost: BcryptCost,
    pub tokens: Issuer,
    /// How long after its first use a refresh token is accepted once more.
    pub refresh_grace: Duration,
    /// The longest estimated wait at which a new command is still accepted.
    pub max_delay: Duration,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// Whether rate limits are on.
    pub limits: bool,
    /// The proxies whose forwarding headers are trusted.
    pub proxies: Proxies,
    /// How many connections, or requests through a proxy, one client address may have at once while rate limits are on.
    pub connections_per_address: usize,
    /// The URL under which clients reach this service, if it is configured.
    pub public_url: Option<PublicUrl>,
}

/// A composed process. It accepts commands at once, and executes them after [`Roster::work`] is called.
pub struct Roster {
    messages: MessageNode,
    /// All routes, without the middleware of [`Roster::app`].
    pub router: Router,
    /// The OpenAPI document of the routes.
    pub document: OpenApi,
    db: Db,
    proxies: Proxies,
    connections_per_address: usize,
    base_path: String,
    stopping: Stopping,
    background: JoinSet<()>,
    tasks: RequestTasks,
    stop_begun: OnceLock<Instant>,
    operator: OperatorCommands,
}

/// Why a process cannot be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// There is no private key for opening sealed passwords.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// There is no key for signing access tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// `AMQP_URL` is malformed.
    #[error("AMQP_URL {0}")]
    Broker(#[from] AddressError),
    /// The hashing threads cannot be started.
    #[error("the hashing threads cannot be started: {0}")]
    Threads(#[from] io::Error),
    /// The OpenAPI document cannot be written as JSON: a bug.
    #[error("the OpenAPI document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

/// The message handlers of all contexts.
pub(crate) fn handlers(hashing: &Arc<Hashing>) -> Vec<Arc<dyn MessageHandlers>> {
    contexts().iter().map(|context| (context.handlers)(hashing)).collect()
}

/// The OpenAPI document of this version. It needs no keys and no database.
#[must_use]
pub fn document(public_url: Option<&PublicUrl>) -> OpenApi {
    let mut document = web::document(title(public_url), contexts().iter().map(|context| (context.operations)()));
    auth_access::add_security_schemes(&mut document);
    document.merge(web::health::openapi());
    let schemas = &mut document.components.get_or_insert_default().schemas;
    if let Some(RefOr::T(Schema::Object(command))) = schemas.get_mut("CommandView") {
        command.example = Some(example_of_a_command());
    }
    document
}

/// The state of a registration, as an example in the OpenAPI document.
fn example_of_a_command() -> serde_json::Value {
    json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "type": "users.register_user.v1",
        "status": "succeeded",
        "accepted_at": "2026-09-21T14:13:20.123456Z",
        "finished_at": "2026-09-21T14:13:20.634201Z",
        "target": { "type": "user", "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "href": "/users/0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091" },
        "attempts": 0,
        "follow_ups": [
            { "type": "users.user_registered.v1", "status": "succeeded", "attempts": 0, "awaited": true },
            { "type": "auth.set_credential.v1", "status": "succeeded", "attempts": 0, "awaited": true },
        ],
    })
}

/// The policy for new passwords. It rejects passwords derived from the service's own names.
pub(crate) fn password_policy(tokens: &Issuer) -> PasswordPolicy {
    PasswordPolicy::default().of_service([product::NAME, &*tokens.issuer, &*tokens.audience])
}

impl PasswordServices {
    /// Starts the hashing threads. Without the role of a worker, it cannot open sealed passwords.
    ///
    /// # Errors
    /// [`ComposeError`]
    pub(crate) fn start(
        db: &Db,
        keys: &Keys,
        role: ProcessRole,
        cost: BcryptCost,
        policy: PasswordPolicy,
    ) -> Result<Self, ComposeError> {
        let opener = if role.works() { Some(keys.opener(product::LABELS)?) } else { None };
        let pool = Arc::new(HashPool::start(cores())?);
        Ok(Self {
            gate: Arc::new(PolicyAndSeal::new(policy, keys.sealer(product::LABELS))),
            hashing: Arc::new(Hashing::new(opener, pool.clone(), cost)),
            credentials: Arc::new(SqlCredentials::new(db.clone(), pool, cost)),
        })
    }
}

impl Dependencies {
    fn new(
        db: &Db,
        keys: &Keys,
        passwords: PasswordServices,
        token_names: &Issuer,
        life: SessionLife,
        limits: RateLimiter,
    ) -> Result<Self, ComposeError> {
        let tasks = RequestTasks::default();
        let signing = Arc::new(SigningKeys::open(keys.file().clone())?);
        let tokens = AccessTokens::new(signing.clone(), &token_names.issuer, &token_names.audience, TOKEN_LIFE);
        let authenticator = Authenticator::new(db.clone(), tokens, limits, tasks.clone());
        Ok(Self {
            auth: AuthState::new(
                authenticator.clone(),
                passwords.credentials.clone(),
                password_policy(token_names),
                life,
            ),
            authenticator,
            passwords,
            tasks,
            signing,
        })
    }
}

impl Roster {
    /// Composes a process. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`ComposeError`]
    pub fn compose(config: AppConfig) -> Result<Self, ComposeError> {
        let AppConfig {
            db,
            keys,
            role,
            broker,
            bcrypt_cost,
            tokens,
            refresh_grace,
            max_delay,
            docs,
            limits,
            proxies,
            ..
        } = config;
        let passwords = PasswordServices::start(&db, &keys, role, bcrypt_cost, password_policy(&tokens))?;
        let messages = MessageNode::start(&db, &passwords.hashing, role, broker, max_delay)?;
        // In a load test, which turns limits off, all connections may come from one address.
        let connections_per_address = if limits { config.connections_per_address } else { usize::MAX };
        let limits = RateLimiter::new(db.clone(), limits);
        let life = SessionLife { grace: refresh_grace, ..SessionLife::default() };
        let dependencies = Dependencies::new(&db, &keys, passwords, &tokens, life, limits.clone())?;
        let watch =
            KeyWatch { db: db.clone(), sealing: sealing_keys(&keys).into(), signing: dependencies.signing.clone() };
        let tasks = dependencies.tasks.clone();
        let contexts = contexts();

        let mut background = JoinSet::new();
        background.spawn(limits.clone().sweep());
        let probe = limits.clone();
        for context in &contexts {
            background.spawn((context.upkeep)(&db));
        }
        background.spawn(dependencies.signing.clone().watch());
        background.spawn(watch.clone().watch());
        let operator = OperatorCommands::new(&db, messages.ledger(), &dependencies.passwords);
        let base_path = config.public_url.as_ref().map(PublicUrl::path).unwrap_or_default().to_owned();
        let commands = Commands::new(messages.ledger(), limits, tasks.clone()).below(&base_path);
        let routes = contexts.iter().map(|it| (it.routes)(&db, &commands, &dependencies)).collect();
        let authenticate: Arc<dyn Authenticate> = Arc::new(dependencies.authenticator);
        let router = web::assemble(routes, commands, Arc::new(KnownCallers)).layer(Extension(authenticate));
        let document = document(config.public_url.as_ref());
        let stopping = Stopping::default();
        let ready = ProcessReadiness::new(db.clone(), probe, messages.hints().clone(), watch);
        let mut router = router.merge(web::health::routes(Arc::new(ready), stopping.clone()));
        let front =
            FrontPage { title: product::TITLE, about: product::ABOUT, docs, readme: include_str!("../../README.md") };
        router = router.merge(web::pages::routes(front, PROBLEMS, &base_path));
        if docs {
            router = router.merge(web::docs::routes(&document)?);
        }
        Ok(Self {
            messages,
            router,
            document,
            db,
            proxies,
            connections_per_address,
            base_path,
            stopping,
            background,
            tasks,
            stop_begun: OnceLock::new(),
            operator,
        })
    }

    /// Starts the workers of every queue, if this process's role includes executing commands.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn work(&mut self) -> Result<(), SqlError> {
        self.messages.work().await
    }

    /// The ledger of this process.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.messages.ledger()
    }

    /// All routes behind the middleware of the HTTP edge.
    pub fn app(&self) -> Router {
        // Roster does not speak TLS itself; the proxy before it does. Over plain HTTP, browsers ignore the header.
        let hsts = !self.proxies.is_empty();
        let requests_per_address = self.connections_per_address;
        let settings = EdgeSettings {
            realm: product::NAME,
            hsts,
            proxies: self.proxies.clone(),
            requests_per_address,
            base_path: self.base_path.clone(),
            ..EdgeSettings::default()
        };
        web::edge(self.router.clone(), settings)
    }

    /// The limits on its connections.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            per_address: self.connections_per_address,
            proxies: self.proxies.clone(),
            ..ConnectionLimits::default()
        }
    }

    /// Starts a background task that creates the first administrator if there is none.
    pub fn make_first_administrator(&mut self, who: FirstAdministrator) {
        self.background.spawn(first_administrator::ensure(self.operator.clone(), who));
    }

    /// How hints travel, as the greeting shows it.
    #[must_use]
    pub fn hints_kind(&self) -> &'static str {
        match self.messages.hints() {
            WakeUps::InProcess(_) if self.db.is_shared() => "in process, and across processes by NOTIFY",
            WakeUps::InProcess(_) => "in process",
            WakeUps::RabbitMq(_) => "through RabbitMQ",
        }
    }

    /// Announces the stop: `/health/ready` answers 503 from now on. Everything else continues.
    pub fn announce_stop(&self) {
        self.stopping.begin();
    }

    /// Begins to stop: answers requests that wait for an outcome, so that the connections can drain.
    pub fn begin_stop(&self) {
        self.stop_begun.get_or_init(Instant::now);
        self.messages.begin_stop();
    }

    /// Stops: finishes the messages that are running, and returns the claimed ones to the ledger.
    pub async fn stop(mut self) {
        let begun = self.stop_begun.get().copied().unwrap_or_else(Instant::now);
        if !self.tasks.finished(TASKS_WITHIN.saturating_sub(begun.elapsed())).await {
            tracing::warn!("requests whose clients have hung up did not end in time");
        }
        self.messages.stop().await;
        self.background.shutdown().await;
        self.db.close().await;
    }
}

/// The tags of operations that belong to no context, each with its description.
const TAGS: [(&str, &str); 2] = [
    ("commands", "Read the status of a command, once or as a stream of events. Administrators see every command."),
    ("health", "Whether the process runs, and whether it is ready to serve."),
];

fn title(public_url: Option<&PublicUrl>) -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0 OR MIT").identifier(Some("Apache-2.0 OR MIT")).build();
    let info = InfoBuilder::new()
        .title(product::TITLE)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "User accounts. Registering, deactivating and reactivating users are commands: the server answers 202 once \
             it has stored the command. It then executes the command to exactly one outcome. Read the outcome at \
             `GET /commands/{id}`.",
        ))
        .license(Some(license))
        .build();
    let contexts = contexts();
    let tags = contexts.iter().flat_map(|context| context.tags).chain(&TAGS);
    let tags = tags.map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build());
    let servers = public_url.map(|url| vec![ServerBuilder::new().url(url.as_str()).build()]);
    OpenApiBuilder::new().info(info).tags(Some(tags.collect::<Vec<_>>())).servers(servers).build()
}

/// How many threads run at the same time on this machine.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}
