use crate::{ClientAddress, Problem, Trace};
use async_trait::async_trait;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use kernel::{Secret, UserId};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// The longest token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 4_096;

/// Who sends a request.
///
/// As an extractor: whoever the bearer token says (RFC 6750), or nobody when there is none. A token
/// that is good for nothing is refused, never taken for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody has signed in.
    Anonymous,
    /// Somebody has.
    Person(Person),
    /// Another service.
    Service(Service),
}

/// Somebody who has signed in. As an extractor: 401 for nobody, 403 for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: Uuid,
    /// Whether they administer, as of now.
    pub is_admin: bool,
}

/// Another service. As an extractor: 401 for nobody, 403 for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The key that it showed, by its id.
    pub key: Uuid,
    /// What the key opens.
    pub scopes: BTreeSet<&'static str>,
}

/// An administrator. As an extractor: 401 for nobody, 403 for anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Administrator(pub Person);

/// Tells who bears a token. Implemented by whoever keeps sessions; handed to the routes by the composition root.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// Who bears this token now: `None` when it is good for nothing, whatever the reason.
    ///
    /// # Errors
    /// 503 when it cannot be told: then nothing is allowed.
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Problem>;

    /// Keeps that somebody was refused what is not theirs.
    async fn denied(&self, caller: &Caller, route: &str, client: &Client);

    /// Keeps that a command was refused for this reason, a stable code, although its sender may send such commands.
    async fn refused(&self, caller: &Caller, refusal: Refusal, client: &Client);
}

/// A command that was refused before it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What was to be done, in the words of the record.
    pub action: &'static str,
    /// On whom.
    pub subject: Uuid,
    /// Why it was refused.
    pub code: &'static str,
}

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's network address.
    pub address: ClientAddress,
    /// The id of the request, as its answer's `X-Request-Id` has it.
    pub request: String,
}

impl Caller {
    /// As the ledger keeps it.
    #[must_use]
    pub fn principal(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::Person(person) => format!("user:{}", person.user),
            Self::Service(service) => format!("service:{}", service.key),
        }
    }

    /// Whether they administer.
    #[must_use]
    pub const fn is_admin(&self) -> bool {
        matches!(self, Self::Person(Person { is_admin: true, .. }))
    }

    /// Whether they may see all that is kept of this user: the user and administrators.
    #[must_use]
    pub fn sees_all_of(&self, user: Uuid) -> bool {
        matches!(self, Self::Person(person) if person.is_admin || person.user.as_uuid() == user)
    }
}

impl Problem {
    /// 401, with the challenge that it must have (RFC 9110, section 15.5.2).
    #[must_use]
    pub fn unauthorized(code: &'static str, title: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, title)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"roster\""))
    }

    /// 401: nobody has signed in.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::unauthorized("unauthenticated", "Sign in first")
    }

    /// 401: a token that is good for nothing. It says the same for every reason (RFC 6750, section 3.1).
    #[must_use]
    pub fn invalid_token() -> Self {
        const CHALLENGE: &str = "Bearer realm=\"roster\", error=\"invalid_token\"";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", "The token is not valid, or not any more")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE))
    }

    /// 403: it is not theirs to do.
    #[must_use]
    pub const fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "You may not do that")
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(token) = token(parts)? else { return Ok(Self::Anonymous) };
        authenticator(parts)?.caller(&token).await?.ok_or_else(Problem::invalid_token)
    }
}

/// Who sends a request that does not depend on its sender. As an extractor: anonymous, too, when the token is not
/// valid. With an `Idempotency-Key` such a token is refused: the key belongs to its sender, and an anonymous retry
/// would be a second request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyCaller(pub Caller);

impl<S: Sync> FromRequestParts<S> for AnyCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await {
            Err(problem)
                if problem.status() == StatusCode::UNAUTHORIZED && !parts.headers.contains_key("idempotency-key") =>
            {
                Ok(Self(Caller::Anonymous))
            }
            caller => caller.map(Self),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(person) => Ok(person),
            other => Err(refuse(parts, &other).await),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(person) if person.is_admin => Ok(Self(person)),
            other => Err(refuse(parts, &other).await),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Service(service) => Ok(service),
            other => Err(refuse(parts, &other).await),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts)
    }
}

impl Client {
    /// As a record keeps it.
    #[must_use]
    pub fn on_record(&self) -> kernel::RequestOrigin {
        kernel::RequestOrigin { address: self.address.ip().to_string(), request: Some(self.request.clone()) }
    }

    pub(crate) fn of(parts: &Parts) -> Result<Self, Problem> {
        let (address, trace) = (parts.extensions.get::<ClientAddress>(), parts.extensions.get::<Trace>());
        let (Some(address), Some(trace)) = (address, trace) else {
            tracing::error!("a request did not come through the edge");
            return Err(Problem::internal());
        };
        Ok(Self { address: *address, request: trace.request_id().to_string() })
    }
}

/// What somebody gets who is not the one that a route is for; known ones are kept in mind.
async fn refuse(parts: &Parts, caller: &Caller) -> Problem {
    if *caller == Caller::Anonymous {
        return Problem::unauthenticated();
    }
    let route = parts.extensions.get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    match (authenticator(parts), Client::of(parts)) {
        (Ok(authenticator), Ok(client)) => authenticator.denied(caller, route, &client).await,
        (Err(problem), _) | (_, Err(problem)) => return problem,
    }
    Problem::forbidden()
}

pub(crate) fn authenticator(parts: &Parts) -> Result<Arc<dyn Authenticate>, Problem> {
    parts.extensions.get::<Arc<dyn Authenticate>>().cloned().ok_or_else(|| {
        tracing::error!("a route asks who calls, and nobody can tell");
        Problem::internal()
    })
}

/// The bearer token, if there is one. A value of another scheme is none: a proxy's, for instance. Reject two
/// values: another reader might take the other one.
pub(crate) fn token(parts: &Parts) -> Result<Option<Secret>, Problem> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).into_iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    if second.is_some() {
        return Err(Problem::invalid_token());
    }
    let scheme = value.as_bytes().split(u8::is_ascii_whitespace).next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let text = value.to_str().map_err(|_| Problem::invalid_token())?;
    let token = text.split_once(' ').map_or("", |(_, token)| token.trim_matches(' '));
    if token.is_empty() || token.len() > LONGEST_TOKEN {
        return Err(Problem::invalid_token());
    }
    Ok(Some(Secret::new(token.to_owned())))
}
