//! What a session is good enough for: second factors and step-up authentication (RFC 9470).

use crate::authenticate::deny;
use crate::{Administrator, Caller, Oneself, OneselfOrAdministrator, Person};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use web::{Problem, Sender};

/// What a session lacks for each kind of request, by the rules of the installation; `None` where it is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionAssurance {
    /// For most requests.
    pub access: Option<Insufficient>,
    /// For adding the first second factor.
    pub enrolment: Option<Insufficient>,
    /// For a sensitive change that comes with the current password.
    pub confirmed: Option<Insufficient>,
    /// For a sensitive change without it.
    pub fresh: Option<Insufficient>,
}

/// What a session lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insufficient {
    /// The installation asks for a second factor, and the user has none.
    Enrolment,
    /// The user must step up.
    StepUp {
        /// The level to reach, as in `acr`.
        acr: &'static str,
        /// How many seconds a step-up is enough for.
        max_age: u64,
    },
}

impl From<Insufficient> for Problem {
    fn from(lack: Insufficient) -> Self {
        match lack {
            Insufficient::Enrolment => {
                Self::new(StatusCode::FORBIDDEN, "second_factor_enrolment_required", "Add a second factor first")
            }
            Insufficient::StepUp { acr, max_age } => {
                let challenge = format!(
                    "Bearer error=\"insufficient_user_authentication\", \
                     error_description=\"Prove once more who you are\", acr_values=\"{acr}\", max_age=\"{max_age}\""
                );
                let problem = Self::new(StatusCode::UNAUTHORIZED, "step_up_required", "Prove once more who you are");
                match HeaderValue::try_from(challenge) {
                    Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
                    Err(_) => problem,
                }
            }
        }
    }
}

/// Returns the problem for what a session lacks, if anything.
///
/// # Errors
/// 401 `step_up_required` or 403 `second_factor_enrolment_required`.
pub fn enough(lack: Option<Insufficient>) -> Result<(), Problem> {
    lack.map_or(Ok(()), |lack| Err(lack.into()))
}

/// The caller, whatever the session is good for. As an extractor: 401 for an invalid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyLevel(pub Caller);

/// A user who has signed in, whatever the session is good for: to sign out, to see their own factors, to step up. As an
/// extractor: 401 for an anonymous caller, 403 for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnySession(pub Person);

/// A user who has signed in, also where the installation asks for a second factor that the user does not have yet. As an
/// extractor: like [`AnySession`], and 401 for a session that is not fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolling(pub Person);

/// A caller with a fresh session, for sensitive changes. As an extractor: like the caller's own type, and 401 for a
/// session that is not fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fresh<P>(pub P);

/// A caller who sends the current password with a sensitive change. As an extractor: like the caller's own type, and 401
/// for a user with a second factor whose session is not fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed<P>(pub P);

/// A caller who is a person.
pub trait IsPerson {
    fn person(&self) -> &Person;
}

impl IsPerson for Person {
    fn person(&self) -> &Person {
        self
    }
}

impl IsPerson for Administrator {
    fn person(&self) -> &Person {
        &self.0
    }
}

impl IsPerson for Oneself {
    fn person(&self) -> &Person {
        &self.0
    }
}

impl IsPerson for OneselfOrAdministrator {
    fn person(&self) -> &Person {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for AnyLevel {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Caller::at_any_level(parts).await.map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for AnySession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Caller::at_any_level(parts).await? {
            Caller::Person(person) => Ok(Self(person)),
            other => Err(deny(parts, &other).await),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Enrolling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AnySession(person) = AnySession::from_request_parts(parts, state).await?;
        enough(person.assurance.enrolment)?;
        Ok(Self(person))
    }
}

impl<S: Sync, P: IsPerson + FromRequestParts<S, Rejection = Problem> + Send> FromRequestParts<S> for Fresh<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = P::from_request_parts(parts, state).await?;
        enough(caller.person().assurance.fresh)?;
        Ok(Self(caller))
    }
}

impl<S: Sync, P: IsPerson + FromRequestParts<S, Rejection = Problem> + Send> FromRequestParts<S> for Confirmed<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = P::from_request_parts(parts, state).await?;
        enough(caller.person().assurance.confirmed)?;
        Ok(Self(caller))
    }
}

impl<P: IsPerson + Sender> Sender for Fresh<P> {
    const REFUSAL: Option<&'static str> = P::REFUSAL;
    fn principal(&self) -> String {
        self.0.principal()
    }
}
