use crate::caller::{authenticator, token};
use crate::{Caller, Client, Problem, Refusal};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use std::sync::Arc;

/// A request that bears a token, by which its sender can be asked for at any time: what is true when the head arrives
/// may not be true when the body has arrived, or after a wait.
///
/// As an extractor: 401 without a token, or none if it is optional. It does not look at the token's worth;
/// [`sender`](Self::sender) does.
#[derive(Debug, Clone)]
pub struct Bearer(Arc<Parts>);

impl Bearer {
    /// Who sends it, now. It takes what the extractor takes: one read.
    ///
    /// # Errors
    /// As the extractor; a refusal of a known sender is put on record.
    pub async fn sender<S: FromRequestParts<(), Rejection = Problem>>(&self) -> Result<S, Problem> {
        let mut parts = Parts::clone(&self.0);
        S::from_request_parts(&mut parts, &()).await
    }
}

impl Bearer {
    /// Puts it on record that a command of theirs was refused.
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
