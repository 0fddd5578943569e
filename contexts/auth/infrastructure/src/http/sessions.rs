//! A person ends other sessions of their own.

use super::by::By;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use auth_access::{Fresh, Person};
use auth_application::{EndSessions, SessionsToEnd};
use auth_domain::SessionId;
use axum::extract::State;
use axum::http::StatusCode;
use web::{NoQuery, PathId, Problem};

/// End one of your sessions.
#[utoipa::path(
    delete,
    path = "/auth/sessions/{id}",
    tag = "auth",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The session's id.")),
    responses(
        (status = 204, description = "The session has ended, and all its tokens are revoked."),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no sessions."),
        (status = 404, description = "You have no such session."),
    )
)]
pub(crate) async fn end_session(
    State(auth): State<AuthState>,
    By(Fresh(me), by): By<Fresh<Person>>,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<StatusCode, Problem> {
    let which = SessionsToEnd::One(SessionId::new(id));
    let end = EndSessions { user: me.user, which, by };
    let ended = auth.run(end).await.map_err(not_run)?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// End all your other sessions.
#[utoipa::path(
    delete,
    path = "/auth/sessions",
    tag = "auth",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The server has ended all other sessions. The current session continues."),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no sessions."),
    )
)]
pub(crate) async fn end_other_sessions(
    State(auth): State<AuthState>,
    By(Fresh(me), by): By<Fresh<Person>>,
    _: NoQuery,
) -> Result<StatusCode, Problem> {
    let which = SessionsToEnd::AllBut(SessionId::new(me.session));
    let end = EndSessions { user: me.user, which, by };
    auth.run(end).await.map_err(not_run)?;
    Ok(StatusCode::NO_CONTENT)
}
