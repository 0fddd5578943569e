//! Composes a process: builds the adapters and passes them to the bounded contexts.

use crate::contexts::{HandlerTools, contexts};
use crate::document::document;
use crate::first_administrator;
pub use crate::first_administrator::FirstAdministrator;
use crate::installation::sealing_keys;
use crate::key_watch::KeyWatch;
use crate::mail::MailServices;
use crate::message_node::{MessageNode, WakeUps};
use crate::operator_commands::OperatorCommands;
pub use crate::password_services::BreachedFileUnusable;
use crate::password_services::{PasswordServices, password_policy};
use crate::problems::PROBLEMS;
use crate::product;
use crate::readiness::ProcessReadiness;
use crate::settings::ServiceOptions;
use auth_access::{Authenticate, KnownCallers};
use auth_domain::{PasswordPolicy, SessionLife};
use auth_infrastructure::tokens::{AccessTokens, SigningKeys, TokenError};
use auth_infrastructure::{AuthState, Authenticator, FactorKeys, FactorServices};
use axum::{Extension, Router};
use ledger::{Ledger, MessageHandlers};
use mail_access::MailTokens;
use mail_infrastructure::MailError;
use messaging::AddressError;
use persistence::{Db, SqlError};
use sealing::{Keys, KeysError};
use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use users_infrastructure::RegistrationMode;
use utoipa::openapi::OpenApi;
use web::health::Stopping;
use web::{
    Commands, ConnectionLimits, CorsOrigins, EdgeSettings, FrontPage, Proxies, PublicUrl, RateLimiter, RequestTasks,
};

/// The adapters and services that the HTTP sides of contexts are built with.
pub(crate) struct Dependencies {
    pub(crate) passwords: PasswordServices,
    pub(crate) auth: AuthState,
    authenticator: Authenticator,
    tasks: RequestTasks,
    pub(crate) signing: Arc<SigningKeys>,
    pub(crate) factor_keys: FactorKeys,
    /// The most bytes of a file to import.
    pub(crate) import_max: u64,
    /// Whether `/mail` shows mails.
    pub(crate) mailbox: bool,
    pub(crate) mail_tokens: MailTokens,
    pub(crate) registration: RegistrationMode,
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
    pub options: ServiceOptions,
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
    cors: CorsOrigins,
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
    /// The settings of mail cannot be used.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// `ROSTER_BREACHED_FILE` cannot be used.
    #[error(transparent)]
    BreachedFile(#[from] BreachedFileUnusable),
    /// The hashing threads cannot be started.
    #[error("the hashing threads cannot be started: {0}")]
    Threads(#[from] io::Error),
    /// The OpenAPI document cannot be written as JSON: a bug.
    #[error("the OpenAPI document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

/// The message handlers of all contexts.
pub(crate) fn handlers(tools: &HandlerTools) -> Vec<Arc<dyn MessageHandlers>> {
    contexts().iter().map(|context| (context.handlers)(tools)).collect()
}

impl Dependencies {
    fn new(
        db: &Db,
        keys: &Keys,
        passwords: PasswordServices,
        policy: PasswordPolicy,
        mail: MailServices,
        limits: RateLimiter,
        options: &ServiceOptions,
    ) -> Result<Self, ComposeError> {
        let ServiceOptions {
            tokens: token_names, refresh_grace, import_max, registration, assurance, passkeys, ..
        } = options;
        let life = SessionLife { grace: *refresh_grace, ..SessionLife::default() };
        let tasks = RequestTasks::default();
        let signing = Arc::new(SigningKeys::open(keys.file().clone())?);
        let tokens = AccessTokens::new(signing.clone(), &token_names.issuer, &token_names.audience, TOKEN_LIFE);
        let authenticator = Authenticator::new(db.clone(), tokens, limits, *assurance, tasks.clone());
        let factor_keys = FactorKeys::open(keys.file().clone(), product::FACTOR_LABEL)?;
        Ok(Self {
            auth: AuthState::new(
                authenticator.clone(),
                passwords.credentials.clone(),
                policy,
                life,
                product::SUCCESSOR_LABEL,
                mail.tokens.clone(),
                FactorServices { keys: factor_keys.clone(), party: passkeys.clone(), service: product::TITLE },
            ),
            mailbox: mail.mailbox,
            mail_tokens: mail.tokens,
            registration: *registration,
            authenticator,
            passwords,
            tasks,
            signing,
            factor_keys,
            import_max: *import_max,
        })
    }
}

impl Roster {
    /// Composes a process. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`ComposeError`]
    pub fn compose(config: AppConfig) -> Result<Self, ComposeError> {
        let AppConfig { db, keys, role, broker, options } = config;
        let ServiceOptions { bcrypt_cost, limits, proxies, max_delay, docs, public_url, cors, .. } = options.clone();
        let policy = password_policy(&options)?;
        let passwords = PasswordServices::start(&db, &keys, role, bcrypt_cost, policy.clone())?;
        let mail = MailServices::start(&options.mail, &keys, role)?;
        let tools = HandlerTools { hashing: passwords.hashing.clone(), mailer: mail.service.clone() };
        let messages = MessageNode::start(&db, &tools, role, broker, max_delay)?;
        // In a load test, which turns limits off, all connections may come from one address.
        let connections_per_address = if limits { options.connections_per_address } else { usize::MAX };
        let limits = RateLimiter::new(db.clone(), limits);
        let dependencies = Dependencies::new(&db, &keys, passwords, policy, mail, limits.clone(), &options)?;
        let watch = KeyWatch {
            db: db.clone(),
            sealing: sealing_keys(&keys).into(),
            signing: dependencies.signing.clone(),
            file: keys.file().clone(),
        };
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
        let base_path = public_url.as_ref().map(PublicUrl::path).unwrap_or_default().to_owned();
        let commands = Commands::new(messages.ledger(), limits, tasks.clone()).below(&base_path);
        let routes = contexts.iter().map(|it| (it.routes)(&db, &commands, &dependencies)).collect();
        let authenticate: Arc<dyn Authenticate> = Arc::new(dependencies.authenticator);
        let router = web::assemble(routes, commands, Arc::new(KnownCallers)).layer(Extension(authenticate));
        let document = document(public_url.as_ref());
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
            cors,
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
            cors: self.cors.clone(),
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

/// How many threads run at the same time on this machine.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}
