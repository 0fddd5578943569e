use crate::access::denial_log::DenialLog;
use crate::queries::check_session::LiveSessionById;
use crate::queries::get_service_keys::scopes_of;
use crate::sql::unit_of_work::run_in_transaction;
use crate::tokens::{AccessTokens, Claims, OpaqueToken, TokenKind, Verified};
use async_trait::async_trait;
use auth_access::{Authenticate, Caller, Person, Service};
use auth_application::{Action, Actor, RefuseCommand};
use auth_domain::Role;
use axum::extract::MatchedPath;
use identity::UserId;
use kernel::Secret;
use persistence::{BatchLoader, Db};
use web::{Client, Problem, RateLimiter, Refusal, RequestTasks, unavailable};

/// Tells who bears a token, by one indexed read per request, so that a session or key that has ended opens nothing.
#[derive(Clone)]
pub struct Authenticator {
    pub(crate) db: Db,
    sessions: BatchLoader<LiveSessionById>,
    pub(crate) tokens: AccessTokens,
    pub(crate) limits: RateLimiter,
    pub(crate) denials: DenialLog,
    tasks: RequestTasks,
}

impl Authenticator {
    /// `tasks` run what must be recorded when the client has hung up.
    #[must_use]
    pub fn new(db: Db, tokens: AccessTokens, limits: RateLimiter, tasks: RequestTasks) -> Self {
        let (denials, sessions) = (DenialLog::new(db.clone(), limits.clone()), BatchLoader::new(db.clone()));
        Self { denials, sessions, db, tokens, limits, tasks }
    }

    /// The claims of an access token that is good now, and the role of its user.
    ///
    /// # Errors
    /// 503 when the session cannot be checked.
    pub(crate) async fn verify_token(&self, token: &str) -> Result<Option<(Verified<Claims>, Role)>, Problem> {
        let Some(claims) = self.tokens.read(token) else { return Ok(None) };
        let found = self.sessions.load(claims.sid).await.map_err(unavailable)?;
        Ok(found.and_then(|session| {
            let claims = claims.valid_at(session.now).filter(|claims| claims.sub == session.user)?;
            Some((claims, session.role))
        }))
    }

    /// The service whose key this is, if the key is good now.
    ///
    /// # Errors
    /// 503 when the key cannot be checked.
    pub(crate) async fn service(&self, key: &str) -> Result<Option<Service>, Problem> {
        let Some(hash) = OpaqueToken::parse(TokenKind::ServiceKey, key) else { return Ok(None) };
        let found = scopes_of(&self.db, &hash).await.map_err(unavailable)?;
        Ok(found.map(|(key, scopes)| Service { key, scopes: scopes.texts().collect() }))
    }

    /// 403, recorded in the audit log, for a route that checks permissions itself.
    pub(crate) async fn forbid(&self, caller: &Caller, route: &MatchedPath, client: &Client) -> Problem {
        self.denied(caller, route.as_str(), client).await;
        Problem::forbidden()
    }
}

#[async_trait]
impl Authenticate for Authenticator {
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Problem> {
        if OpaqueToken::parse(TokenKind::ServiceKey, token.expose()).is_some() {
            return Ok(self.service(token.expose()).await?.map(Caller::Service));
        }
        let known = self.verify_token(token.expose()).await?;
        Ok(known.map(|(claims, role)| {
            let (user, session) = (UserId::new(claims.sub), claims.sid);
            Caller::Person(Person { user, session, is_admin: role == Role::Admin })
        }))
    }

    async fn denied(&self, caller: &Caller, route: &str, client: &Client) {
        // On a task, so that a denial is recorded when the client hangs up, too. When no task is free, the access log
        // has to do.
        let (denials, actor, route) = (self.denials.clone(), actor(caller), route.to_owned());
        let client = client.on_record();
        let _ = self.tasks.run(async move { denials.record(actor, &route, &client).await }).await;
    }

    async fn refused(&self, caller: &Caller, Refusal { action, subject, code }: Refusal, client: &Client) {
        let actor = actor(caller);
        let Some(known) = Action::named(action) else {
            tracing::error!(action, "the audit log knows no such action");
            return;
        };
        if !self.denials.has_room_for(actor, action).await {
            return;
        }
        let user = UserId::new(subject);
        let refuse = RefuseCommand { action: known, user, code, actor, client: client.on_record() };
        if let Err(why) = run_in_transaction(&self.db, refuse).await {
            tracing::error!(%why, action, "a refusal could not be recorded in the audit log");
        }
    }
}

/// The caller as the audit log names it.
const fn actor(caller: &Caller) -> Actor {
    match caller {
        Caller::Anonymous => Actor::Anonymous,
        Caller::Person(person) => Actor::User(person.user),
        Caller::Service(service) => Actor::Service(service.key),
    }
}
