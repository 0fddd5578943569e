use crate::Problem;
use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::sync::Arc;
use uuid::Uuid;

/// Knows the callers, for the routes of this crate. The part of the program that authenticates requests implements it.
#[async_trait]
pub trait Callers: Send + Sync {
    /// The caller of the request with this head, at this moment.
    ///
    /// # Errors
    /// 401 for an invalid token, 503 when the caller cannot be authenticated now.
    async fn viewer(&self, parts: &Parts) -> Result<Viewer, Problem>;

    /// Records that a command of this caller was rejected before it was accepted.
    async fn refused(&self, parts: &Parts, refusal: Refusal);
}

/// The caller of a route that reads commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The caller's name in the ledger. A caller sees every part of the commands that they have sent.
    pub principal: String,
    /// Whether the caller sees every part of all commands.
    pub sees_all: bool,
}

/// A command that was rejected before it was accepted, although its sender may send such commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The request type's [`ON_RECORD`](crate::CommandRequest::ON_RECORD).
    pub action: &'static str,
    pub subject: Uuid,
    /// The stable code of the problem.
    pub code: &'static str,
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        callers(parts)?.viewer(parts).await
    }
}

/// Records a refusal, if the request has passed the edge.
pub(crate) async fn record(parts: &Parts, refusal: Refusal) {
    if let Ok(callers) = callers(parts) {
        callers.refused(parts, refusal).await;
    }
}

fn callers(parts: &Parts) -> Result<Arc<dyn Callers>, Problem> {
    parts.extensions.get::<Arc<dyn Callers>>().cloned().ok_or_else(|| {
        tracing::error!("bug: a route needs the caller, and nothing authenticates requests");
        Problem::internal()
    })
}
