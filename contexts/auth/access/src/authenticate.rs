use crate::Caller;
use async_trait::async_trait;
use axum::extract::{FromRequestParts as _, MatchedPath};
use axum::http::request::Parts;
use kernel::Secret;
use std::sync::Arc;
use web::{Callers, Client, Problem, Refusal, Viewer};

/// Identifies callers by their tokens, and records denied requests in the audit log. The infrastructure of `auth`
/// implements this trait; the composition root puts it into the extensions of every request.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// The caller with this token at this moment; `None` if the token is invalid for any reason.
    ///
    /// # Errors
    /// 503 when the token cannot be checked. The request is then not allowed.
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Problem>;

    /// Records in the audit log that the caller was denied a route (403).
    async fn denied(&self, caller: &Caller, route: &str, client: &Client);

    /// Records in the audit log that a command was rejected, although the caller may send such commands.
    async fn refused(&self, caller: &Caller, refusal: Refusal, client: &Client);
}

/// Authenticates the callers of the routes that read commands. Administrators see every command.
pub struct KnownCallers;

#[async_trait]
impl Callers for KnownCallers {
    async fn viewer(&self, parts: &Parts) -> Result<Viewer, Problem> {
        let caller = Caller::from_request_parts(&mut parts.clone(), &()).await?;
        Ok(Viewer { principal: caller.principal(), sees_all: caller.is_admin() })
    }

    async fn refused(&self, parts: &Parts, refusal: Refusal) {
        if let (Ok(authenticator), Ok(client)) = (authenticator(parts), Client::of(parts))
            && let Ok(caller) = Caller::from_request_parts(&mut parts.clone(), &()).await
        {
            authenticator.refused(&caller, refusal, &client).await;
        }
    }
}

/// Builds the 401 or 403 for a caller that the route does not allow, and records a denied known caller in the audit
/// log.
pub(crate) async fn deny(parts: &Parts, caller: &Caller) -> Problem {
    if *caller == Caller::Anonymous {
        return Problem::unauthenticated();
    }
    let route = parts.extensions.get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    match (authenticator(parts), Client::of(parts)) {
        (Ok(authenticator), Ok(client)) => authenticator.denied(caller, route, &client).await,
        (Err(problem), _) | (_, Err(problem)) => return problem,
    }
    Problem::forbidden()
}

pub(crate) fn authenticator(parts: &Parts) -> Result<Arc<dyn Authenticate>, Problem> {
    parts.extensions.get::<Arc<dyn Authenticate>>().cloned().ok_or_else(|| {
        tracing::error!("bug: a route needs the caller, and no authenticator is configured");
        Problem::internal()
    })
}
