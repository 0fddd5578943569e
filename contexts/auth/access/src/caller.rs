use crate::authenticate::{authenticator, deny};
use crate::{SessionAssurance, enough};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use identity::UserId;
use std::collections::BTreeSet;
use uuid::Uuid;
use web::{ANONYMOUS, Problem, Sender, bearer_token};

/// The sender of a request, by its bearer token (RFC 6750).
///
/// As an extractor: a request without a token is anonymous; an invalid token gets 401 and is never treated as
/// anonymous. A session without the second factor that the installation asks for gets 401 or 403.
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
    /// What the session was good enough for then.
    pub assurance: SessionAssurance,
}

/// Another service. As an extractor: 401 for an anonymous caller, 403 for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The id of the service key.
    pub key: Uuid,
    /// The scopes that the key grants.
    pub scopes: BTreeSet<&'static str>,
}

impl Caller {
    /// The caller, whatever the session is good for.
    ///
    /// # Errors
    /// 401 for an invalid token, 503 when it cannot be checked.
    pub(crate) async fn at_any_level(parts: &Parts) -> Result<Self, Problem> {
        let Some(token) = bearer_token(parts)? else { return Ok(Self::Anonymous) };
        authenticator(parts)?.caller(&token).await?.ok_or_else(Problem::invalid_token)
    }

    /// The caller's name in the ledger: `anonymous`, `user:<id>` or `service:<key id>`.
    #[must_use]
    pub fn principal(&self) -> String {
        match self {
            Self::Anonymous => ANONYMOUS.to_owned(),
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

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = Self::at_any_level(parts).await?;
        if let Self::Person(person) = &caller {
            enough(person.assurance.access)?;
        }
        Ok(caller)
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
            other => Err(deny(parts, &other).await),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Service(service) => Ok(service),
            other => Err(deny(parts, &other).await),
        }
    }
}

impl Sender for Caller {
    const REFUSAL: Option<&'static str> = None;
    fn principal(&self) -> String {
        Self::principal(self)
    }
}

impl Sender for AnyCaller {
    const REFUSAL: Option<&'static str> = None;
    fn principal(&self) -> String {
        self.0.principal()
    }
}

impl Sender for Person {
    const REFUSAL: Option<&'static str> = Some("Service keys have no user.");
    fn principal(&self) -> String {
        Caller::Person(*self).principal()
    }
}
