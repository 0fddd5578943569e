use crate::Problem;
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use uuid::Uuid;

/// The id in the place of `{id}` in a route's path, percent-decoded once.
///
/// The extractor answers 404 to any text that is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathId(pub Uuid);

/// The text is not a UUID. The error does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct NotAnId;

impl kernel::DomainError for NotAnId {
    fn code(&self) -> &'static str {
        "id_invalid"
    }
}

/// Parses a UUID of 36 characters with hyphens (RFC 9562, section 4). Other spellings of the same id (braces, URN,
/// digits without hyphens) are rejected.
///
/// # Errors
/// [`NotAnId`] for any other text.
pub fn parse_id(text: &str) -> Result<Uuid, NotAnId> {
    if text.len() == 36 { Uuid::try_parse(text).map_err(|_| NotAnId) } else { Err(NotAnId) }
}

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        let (_, text) = params.iter().find(|(name, _)| *name == "id").ok_or_else(Problem::not_found)?;
        parse_id(text).map(Self).map_err(|_| Problem::not_found())
    }
}
