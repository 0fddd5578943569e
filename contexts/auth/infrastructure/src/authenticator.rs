use crate::AuthService;
use crate::auth_service::{perform, unavailable};
use crate::queries::check_session;
use crate::queries::get_service_keys::scopes_of;
use crate::tokens::{Claims, OpaqueToken, TokenKind, Verified};
use async_trait::async_trait;
use auth_application::{Action, Actor, DenyAccess, RefuseCommand};
use auth_domain::Role;
use axum::extract::MatchedPath;
use kernel::{RequestOrigin, Secret, UserId};
use std::time::Duration;
use use_case::Unavailable;
use web::{Authenticate, Caller, Client, Person, Problem, RateLimit, Refusal, Service};

/// Refusals of one caller that are recorded.
const DENIALS: RateLimit = RateLimit { name: "auth.denials", burst: 30, every: Duration::from_secs(60) };

/// Tells who bears a token: one indexed read, every time, so that what has ended has ended at once.
pub struct Authenticator(AuthService);

impl Authenticator {
    /// Over what the desk keeps.
    #[must_use]
    pub const fn new(auth: AuthService) -> Self {
        Self(auth)
    }
}

impl AuthService {
    /// What an access token says that is good now, and what its person may do. The one place that tells.
    ///
    /// # Errors
    /// 503 when it cannot be told: then nothing is allowed.
    pub(crate) async fn verify_token(&self, token: &str) -> Result<Option<(Verified<Claims>, Role)>, Problem> {
        let Some(claims) = self.tokens.read(token) else { return Ok(None) };
        let found =
            check_session::check(&self.db, claims.sid).await.map_err(|error| unavailable(Unavailable::from(error)))?;
        Ok(found.and_then(|standing| {
            let claims = claims.at(standing.now).filter(|claims| claims.sub == standing.user)?;
            Some((claims, standing.role))
        }))
    }

    /// Records that a caller was refused.
    pub(crate) async fn record_denial(&self, actor: Actor, route: &str, client: &RequestOrigin) {
        if !self.records(actor, route).await {
            return;
        }
        let denied = DenyAccess { actor, route: route.to_owned(), client: client.clone() };
        if let Err(why) = perform(&self.db, denied).await {
            tracing::error!(%why, route, "a refusal could not be recorded");
        }
    }

    /// Whether one more refusal of this caller is recorded. A record full of refusals hides the rest: beyond
    /// the limit the log has to do.
    async fn records(&self, caller: Actor, what: &str) -> bool {
        let taken = self.limits.acquire(&DENIALS, caller.to_string().as_bytes()).await;
        if taken.is_err() {
            tracing::warn!(target: "audit", %caller, what, "refused, and not recorded any more for a while");
        }
        taken.is_ok()
    }

    /// The service whose key this is, if the key is good now.
    ///
    /// # Errors
    /// 503 when it cannot be told.
    pub(crate) async fn service(&self, key: &str) -> Result<Option<Service>, Problem> {
        let Some(hash) = OpaqueToken::parse(TokenKind::ServiceKey, key) else { return Ok(None) };
        let found = scopes_of(&self.db, &hash).await.map_err(|error| unavailable(Unavailable::from(error)))?;
        Ok(found.map(|(key, scopes)| Service { key, scopes: scopes.texts().collect() }))
    }

    /// 403, put on record, for a route that judges by itself.
    pub(crate) async fn forbid(self, caller: &Caller, route: &MatchedPath, client: &Client) -> Problem {
        Authenticator(self).denied(caller, route.as_str(), client).await;
        Problem::forbidden()
    }
}

#[async_trait]
impl Authenticate for Authenticator {
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Problem> {
        if OpaqueToken::parse(TokenKind::ServiceKey, token.expose()).is_some() {
            return Ok(self.0.service(token.expose()).await?.map(Caller::Service));
        }
        let known = self.0.verify_token(token.expose()).await?;
        Ok(known.map(|(claims, role)| {
            let (user, session) = (UserId::new(claims.sub), claims.sid);
            Caller::Person(Person { user, session, is_admin: role == Role::Admin })
        }))
    }

    async fn denied(&self, caller: &Caller, route: &str, client: &Client) {
        // On a task: a client that hangs up leaves its refusal on record, too. Beyond the most that run, the
        // access line has to do.
        let (auth, actor, route, client) = (self.0.clone(), actor(caller), route.to_owned(), client.on_record());
        let _ = self.0.tasks.run(async move { auth.record_denial(actor, &route, &client).await }).await;
    }

    async fn refused(&self, caller: &Caller, Refusal { action, subject, code }: Refusal, client: &Client) {
        let (auth, actor) = (&self.0, actor(caller));
        let Some(known) = Action::named(action) else {
            tracing::error!(action, "the record knows no such action");
            return;
        };
        if !auth.records(actor, action).await {
            return;
        }
        let user = UserId::new(subject);
        let refuse = RefuseCommand { action: known, user, code, actor, client: client.on_record() };
        if let Err(why) = perform(&auth.db, refuse).await {
            tracing::error!(%why, action, "a refusal could not be recorded");
        }
    }
}

/// As the record names a caller.
const fn actor(caller: &Caller) -> Actor {
    match caller {
        Caller::Anonymous => Actor::Anonymous,
        Caller::Person(person) => Actor::User(person.user),
        Caller::Service(service) => Actor::Service(service.key),
    }
}
