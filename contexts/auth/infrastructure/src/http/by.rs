use crate::AuthState;
use auth_access::{Administrator, AnySession, Confirmed, Enrolling, Fresh, Person};
use auth_application::{Authority, Principal};
use auth_domain::{Need, SessionId};
use axum::extract::{FromRef, FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use web::{Client, Problem};

/// Extracts the sender of a request, and the authority that a use case confirms again before it acts.
pub(crate) struct By<S>(pub(crate) S, pub(crate) Authority);

/// A sender that a use case can act for.
pub(crate) trait Sends {
    /// What the sender's session must still be good for when the use case acts.
    const NEED: Need = Need::Access;

    /// The sender, with the conditions that must still hold then.
    fn principal(&self) -> Principal;
}

impl Sends for Person {
    fn principal(&self) -> Principal {
        Principal::Person { user: self.user, session: SessionId::new(self.session) }
    }
}

impl Sends for AnySession {
    const NEED: Need = Need::Live;

    fn principal(&self) -> Principal {
        self.0.principal()
    }
}

impl Sends for Enrolling {
    const NEED: Need = Need::Enrolment;

    fn principal(&self) -> Principal {
        self.0.principal()
    }
}

impl Sends for Administrator {
    fn principal(&self) -> Principal {
        Principal::Administrator { user: self.0.user, session: SessionId::new(self.0.session) }
    }
}

impl<P: Sends> Sends for Fresh<P> {
    const NEED: Need = Need::Fresh;

    fn principal(&self) -> Principal {
        self.0.principal()
    }
}

impl<P: Sends> Sends for Confirmed<P> {
    const NEED: Need = Need::Confirmed;

    fn principal(&self) -> Principal {
        self.0.principal()
    }
}

impl<S, P> FromRequestParts<S> for By<P>
where
    S: Send + Sync,
    AuthState: FromRef<S>,
    P: Sends + FromRequestParts<S, Rejection = Problem> + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let sender = P::from_request_parts(parts, state).await?;
        let client = Client::from_request_parts(parts, state).await?.on_record();
        let route = parts.extensions.get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
        let rules = AuthState::from_ref(state).authenticator.rules;
        let authority = Authority { principal: sender.principal(), client, route, need: P::NEED, rules };
        Ok(Self(sender, authority))
    }
}
