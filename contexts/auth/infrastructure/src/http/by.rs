use auth_access::{Administrator, Person};
use auth_application::{Authority, Principal};
use auth_domain::SessionId;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use web::{Client, Problem};

/// Extracts the sender of a request, and the authority that a use case confirms again before it acts.
pub(crate) struct By<S>(pub(crate) S, pub(crate) Authority);

/// A sender that a use case can act for.
pub(crate) trait Sends {
    /// The sender, with the conditions that must still hold when the use case acts.
    fn principal(&self) -> Principal;
}

impl Sends for Person {
    fn principal(&self) -> Principal {
        Principal::Person { user: self.user, session: SessionId::new(self.session) }
    }
}

impl Sends for Administrator {
    fn principal(&self) -> Principal {
        Principal::Administrator { user: self.0.user, session: SessionId::new(self.0.session) }
    }
}

impl<S: Sync, P: Sends + FromRequestParts<S, Rejection = Problem> + Send> FromRequestParts<S> for By<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let sender = P::from_request_parts(parts, state).await?;
        let client = Client::from_request_parts(parts, state).await?.on_record();
        let route = parts.extensions.get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
        let authority = Authority { principal: sender.principal(), client, route };
        Ok(Self(sender, authority))
    }
}
