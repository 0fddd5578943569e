use crate::{Client, Problem};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The ledger's name of a sender without a token.
pub const ANONYMOUS: &str = "anonymous";

/// The sender of a command. As an extractor it rejects all other callers.
pub trait Sender: FromRequestParts<(), Rejection = Problem> + Send + Sync + 'static {
    /// The description of the 403 in the OpenAPI document; `None` if every caller may send the command.
    const REFUSAL: Option<&'static str>;

    /// The sender's name in the ledger, such as `user:<id>`, or [`ANONYMOUS`].
    fn principal(&self) -> String;
}

/// A sender with the origin of the request, for commands that an audit log records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithClient<S>(pub S, pub Client);

impl<S: Sync, T: FromRequestParts<S, Rejection = Problem> + Send> FromRequestParts<S> for WithClient<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let sender = T::from_request_parts(parts, state).await?;
        Ok(Self(sender, Client::of(parts)?))
    }
}

impl<S: Sender> Sender for WithClient<S> {
    const REFUSAL: Option<&'static str> = S::REFUSAL;
    fn principal(&self) -> String {
        self.0.principal()
    }
}
