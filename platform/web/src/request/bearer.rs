use crate::request::caller::{authenticator, token};
use crate::{Caller, Client, Problem, Refusal};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use std::sync::Arc;

/// A request with a bearer token, whose sender can be authenticated again at any time. A token that is valid when the
/// head arrives may be invalid when the body has arrived, or after a wait.
///
/// As an extractor it answers 401 without a token; as an optional extractor it then is `None`. It does not validate the
/// token; [`sender`](Self::sender) does.
#[derive(Debug, Clone)]
pub struct Bearer(Arc<Parts>);

impl Bearer {
    /// Authenticates the sender at this moment, by one read of the database, as the extractor `S` does.
    ///
    /// # Errors
    /// As the extractor `S`. A denied request of a known caller is recorded in the audit log.
    pub async fn sender<S: FromRequestParts<(), Rejection = Problem>>(&self) -> Result<S, Problem> {
        let mut parts = Parts::clone(&self.0);
        S::from_request_parts(&mut parts, &()).await
    }
}

impl Bearer {
    /// Records in the audit log that a command of this sender was rejected.
    pub(crate) async fn refused(&self, refusal: Refusal) {
        if let (Ok(authenticator), Ok(client)) = (authenticator(&self.0), Client::of(&self.0))
            && let Ok(caller) = self.sender::<Caller>().await
        {
            authenticator.refused(&caller, refusal, &client).await;
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        token(parts)?.ok_or_else(Problem::unauthenticated)?;
        Ok(Self(Arc::new(parts.clone())))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok((!matches!(token(parts), Ok(None))).then(|| Self(Arc::new(parts.clone()))))
    }
}
