//! The end of a session, from within it.

use crate::Desk;
use crate::desk::unavailable;
use auth_application::SignOut;
use auth_domain::SessionId;
use axum::extract::State;
use axum::http::StatusCode;
use web::{Client, NoQuery, Person, Problem};

/// Sign out.
///
/// The session and all its tokens end at once.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "auth",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Signed out."),
        (status = 403, description = "Another service has no session.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logout(
    State(desk): State<Desk>,
    me: Person,
    from: Client,
    _: NoQuery,
) -> Result<StatusCode, Problem> {
    let sign_out = SignOut { user: me.user, session: SessionId::new(me.session), client: from.on_record() };
    desk.run(sign_out).await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}
