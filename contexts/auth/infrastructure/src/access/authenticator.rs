use crate::access::denial_log::DenialLog;
use crate::queries::check_session::{LiveSession, LiveSessionById};
use crate::queries::get_service_keys::scopes_of;
use crate::sql::unit_of_work::{insufficient, run_in_transaction};
use crate::tokens::{AccessTokens, Claims, OpaqueToken, TokenKind, Verified};
use async_trait::async_trait;
use auth_access::{Authenticate, Caller, Insufficient, Person, Service, SessionAssurance};
use auth_application::{Action, Actor, RefuseCommand};
use auth_domain::{AssuranceRules, Need, Role};
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
    pub(crate) rules: AssuranceRules,
    tasks: RequestTasks,
}

impl Authenticator {
    /// `tasks` run what must be recorded when the client has hung up.
    #[must_use]
    pub fn new(db: Db, tokens: AccessTokens, limits: RateLimiter, rules: AssuranceRules, tasks: RequestTasks) -> Self {
        let (denials, sessions) = (DenialLog::new(db.clone(), limits.clone()), BatchLoader::new(db.clone()));
        Self { denials, sessions, db, tokens, limits, rules, tasks }
    }

    /// What a session is good enough for.
    pub(crate) fn assurance(&self, session: &LiveSession) -> SessionAssurance {
        let lacks = |need| -> Option<Insufficient> {
            let lack = self.rules.check(need, &session.standing, session.now).err()?;
            Some(insufficient(lack, self.rules.step_up_max_age))
        };
        SessionAssurance {
            access: lacks(Need::Access),
            enrolment: lacks(Need::Enrolment),
            confirmed: lacks(Need::Confirmed),
            fresh: lacks(Need::Fresh),
        }
    }

    /// The claims of an access token that is good now, and its session.
    ///
    /// # Errors
    /// 503 when the session cannot be checked.
    pub(crate) async fn verify_token(&self, token: &str) -> Result<Option<(Verified<Claims>, LiveSession)>, Problem> {
        let Some(claims) = self.tokens.read(token) else { return Ok(None) };
        let found = self.sessions.load(claims.sid).await.map_err(unavailable)?;
        Ok(found.and_then(|session| {
            let claims = claims.valid_at(session.now).filter(|claims| claims.sub == session.user)?;
            Some((claims, session))
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
        Ok(known.map(|(claims, live)| {
            let (user, session, is_admin) = (UserId::new(claims.sub), claims.sid, live.standing.role == Role::Admin);
            Caller::Person(Person { user, session, is_admin, assurance: self.assurance(&live) })
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
