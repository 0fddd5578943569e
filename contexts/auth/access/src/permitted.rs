//! Callers with a permission. Each is an extractor that rejects all other callers, and records the known ones.

use crate::authenticate::deny;
use crate::{Caller, Person};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use web::{PathId, Problem, Sender};

/// An administrator. As an extractor: 401 for an anonymous caller, 403 for all other callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Administrator(pub Person);

/// A caller who may read every user: an administrator, or a service with the scope `users:read`. As an extractor: 401 for
/// an anonymous caller, 403 for all other callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserReader(pub Caller);

/// The scope of a service that may read every user.
const READ_USERS: &str = "users:read";

/// The person whose id is `{id}` in the path. As an extractor: 401 for an anonymous caller, 403 for all other callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oneself(pub Person);

impl<S: Sync> FromRequestParts<S> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(person) if person.is_admin => Ok(Self(person)),
            other => Err(deny(parts, &other).await),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for UserReader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let may = match &caller {
            Caller::Anonymous => false,
            Caller::Person(person) => person.is_admin,
            Caller::Service(service) => service.scopes.contains(READ_USERS),
        };
        if may { Ok(Self(caller)) } else { Err(deny(parts, &caller).await) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Oneself {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let PathId(id) = PathId::from_request_parts(parts, state).await?;
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(person) if person.user.as_uuid() == id => Ok(Self(person)),
            other => Err(deny(parts, &other).await),
        }
    }
}

/// The person whose id is `{id}` in the path, or an administrator. As an extractor: 401 for an anonymous caller, 403 for
/// a service, and 404 for another person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneselfOrAdministrator(pub Person);

impl<S: Send + Sync> FromRequestParts<S> for OneselfOrAdministrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let PathId(id) = PathId::from_request_parts(parts, state).await?;
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(person) if person.is_admin || person.user.as_uuid() == id => Ok(Self(person)),
            Caller::Person(_) => Err(Problem::not_found()),
            other => Err(deny(parts, &other).await),
        }
    }
}

impl Sender for OneselfOrAdministrator {
    const REFUSAL: Option<&'static str> = Some("Service keys may not do this for a user.");
    fn principal(&self) -> String {
        self.0.principal()
    }
}

impl Sender for Administrator {
    const REFUSAL: Option<&'static str> = Some("The caller is not an administrator.");
    fn principal(&self) -> String {
        self.0.principal()
    }
}

impl Sender for Oneself {
    const REFUSAL: Option<&'static str> = Some("The caller is not this user.");
    fn principal(&self) -> String {
        self.0.principal()
    }
}
