use crate::{ClientAddress, Language, Problem, Trace};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The origin of a request: the client's address, and the request's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub address: ClientAddress,
    /// The id of the request, as in the response's `X-Request-Id`.
    pub request: String,
    /// The language that the client prefers, such as `de`.
    pub language: Option<String>,
}

impl Client {
    /// The origin as the audit log stores it.
    #[must_use]
    pub fn on_record(&self) -> kernel::RequestOrigin {
        kernel::RequestOrigin { address: self.address.ip().to_string(), request: Some(self.request.clone()) }
    }

    /// The origin of the request with this head.
    ///
    /// # Errors
    /// 500 if the request has not passed the edge, which is a bug.
    pub fn of(parts: &Parts) -> Result<Self, Problem> {
        let (address, trace) = (parts.extensions.get::<ClientAddress>(), parts.extensions.get::<Trace>());
        let (Some(address), Some(trace)) = (address, trace) else {
            tracing::error!("bug: a request has not passed the edge");
            return Err(Problem::internal());
        };
        let Language(language) = Language::of(parts);
        Ok(Self { address: *address, request: trace.request_id().to_string(), language })
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts)
    }
}
