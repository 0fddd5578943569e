use crate::{ClientAddress, Problem, Trace};
use async_trait::async_trait;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use kernel::{Secret, UserId};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// The longest token that is accepted, in bytes.
const LONGEST_TOKEN: usize = 4_096;

/// The sender of a request, by its bearer token (RFC 6750).
///
/// As an extractor: a request without a token is anonymous; an invalid token gets 401 and is never treated as
/// anonymous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The request has no token.
    Anonymous,
    /// A user who has signed in.
    Person(Person),
    /// Another service, with a service key.
    Service(Service),
}

/// A user who has signed in. As an extractor: 401 for an anonymous caller, 403 for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    pub user: UserId,
    pub session: Uuid,
    /// Whether the user was an administrator when the token was checked.
    pub is_admin: bool,
}

/// Another service. As an extractor: 401 for an anonymous caller, 403 for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The id of the service key.
    pub key: Uuid,
    /// The scopes that the key grants.
    pub scopes: BTreeSet<&'static str>,
}

/// An administrator. As an extractor: 401 for an anonymous caller, 403 for all other callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Administrator(pub Person);

/// Identifies callers by their tokens, and records denied requests in the audit log. The auth context implements this
/// trait; the composition root passes it to the routes.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// The caller with this token at this moment; `None` if the token is invalid for any reason.
    ///
    /// # Errors
    /// 503 when the token cannot be checked. The request is then not allowed.
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Problem>;

    /// Records in the audit log that the caller was denied a route (403).
    async fn denied(&self, caller: &Caller, route: &str, client: &Client);

    /// Records in the audit log that a command was rejected, although the caller may send such commands.
    async fn refused(&self, caller: &Caller, refusal: Refusal, client: &Client);
}

/// A command that was rejected before it was accepted, for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The action, as the audit log names it.
    pub action: &'static str,
    pub subject: Uuid,
    /// The stable code of the problem.
    pub code: &'static str,
}

/// The origin of a request: the client's address, and the request's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub address: ClientAddress,
    /// The id of the request, as in the response's `X-Request-Id`.
    pub request: String,
}

impl Caller {
    /// The caller's name in the ledger: `anonymous`, `user:<id>` or `service:<key id>`.
    #[must_use]
    pub fn principal(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::Person(person) => format!("user:{}", person.user),
            Self::Service(service) => format!("service:{}", service.key),
        }
    }

    /// Whether the caller is an administrator.
    #[must_use]
    pub const fn is_admin(&self) -> bool {
        matches!(self, Self::Person(Person { is_admin: true, .. }))
    }

    /// Whether the caller may see all data of this user: the user and administrators may.
    #[must_use]
    pub fn sees_all_of(&self, user: Uuid) -> bool {
        matches!(self, Self::Person(person) if person.is_admin || person.user.as_uuid() == user)
    }
}

impl Problem {
    /// 401 with the header `WWW-Authenticate`, which RFC 9110, section 15.5.2, requires.
    #[must_use]
    pub fn unauthorized(code: &'static str, title: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, title)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 401: the request has no token.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::unauthorized("unauthenticated", "Sign in first")
    }

    /// 401: the token is invalid. The problem is the same for every reason (RFC 6750, section 3.1).
    #[must_use]
    pub fn invalid_token() -> Self {
        const CHALLENGE: &str = "Bearer error=\"invalid_token\"";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", "The token is invalid or has expired")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE))
    }

    /// 403: the caller may not do that.
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

/// The sender of a request whose outcome does not depend on the sender.
///
/// As an extractor: a request with an invalid token is anonymous. With an `Idempotency-Key` an invalid token gets 401,
/// because the key belongs to its sender: an anonymous retry would be a second command.
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
    /// The origin as the audit log stores it.
    #[must_use]
    pub fn on_record(&self) -> kernel::RequestOrigin {
        kernel::RequestOrigin { address: self.address.ip().to_string(), request: Some(self.request.clone()) }
    }

    pub(crate) fn of(parts: &Parts) -> Result<Self, Problem> {
        let (address, trace) = (parts.extensions.get::<ClientAddress>(), parts.extensions.get::<Trace>());
        let (Some(address), Some(trace)) = (address, trace) else {
            tracing::error!("bug: a request has not passed the edge");
            return Err(Problem::internal());
        };
        Ok(Self { address: *address, request: trace.request_id().to_string() })
    }
}

/// Builds the 401 or 403 for a caller that the route does not allow, and records a denied known caller in the audit
/// log.
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
        tracing::error!("bug: a route needs the caller, and no authenticator is configured");
        Problem::internal()
    })
}

/// The bearer token, if the request has one. A value of another scheme, such as a proxy's Basic, is ignored. Two values
/// are rejected: a proxy might read another one than the service does.
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
