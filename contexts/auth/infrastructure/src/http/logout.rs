//! The end of a session, from within it, or by its refresh token.

use crate::AuthState;
use crate::queries::check_refresh_token::session_of;
use crate::tokens::{OpaqueToken, TokenKind};
use crate::unit_of_work::not_run;
use auth_application::{SignOut, SignOutByToken};
use auth_domain::SessionId;
use axum::extract::State;
use axum::http::StatusCode;
use kernel::Secret;
use utoipa::ToSchema;
use web::{Bearer, Caller, Client, Fields, NoQuery, NotAnId, Person, Problem};

/// What a session is ended by when its access token has run out.
#[derive(ToSchema)]
#[schema(title = "Logout", example = json!({ "refresh_token": "rr_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M" }))]
#[expect(dead_code, reason = "it describes the body, which is read field by field to find every violation")]
pub(crate) struct Logout {
    /// A refresh token of the session. Without it, the access token says which session ends.
    #[schema(required = false)]
    refresh_token: Option<String>,
}

/// Sign out.
///
/// The session and all its tokens end at once. With `refresh_token` in the body no access token is needed, and the
/// answer is the same for every refresh token: valid, used or invented. If a valid access token comes along, its
/// session ends as well.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "auth",
    security((), ("bearer" = [])),
    request_body(content = Option<Logout>),
    responses(
        (status = 204, description = "Signed out."),
        (status = 403, description = "Another service has no session.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It could be read, and is refused: every violation with its pointer.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logout(
    State(auth): State<AuthState>,
    bearer: Option<Bearer>,
    from: Client,
    _: NoQuery,
    fields: Option<Fields>,
) -> Result<StatusCode, Problem> {
    let token = match fields {
        Some(mut fields) => {
            let token = fields.optional("refresh_token", |text| Ok::<_, NotAnId>(Secret::new(text.to_owned())));
            fields.finish(Some(token))?
        }
        None => None,
    };
    let me = match token {
        Some(token) => {
            by_token(&auth, &token, &from).await?;
            who_else(bearer).await?
        }
        None => Some(bearer.ok_or_else(Problem::unauthenticated)?.sender::<Person>().await?),
    };
    if let Some(me) = me {
        let sign_out = SignOut { user: me.user, session: SessionId::new(me.session), client: from.on_record() };
        auth.run(sign_out).await.map_err(not_run)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What belongs to no live session is found to be so without a transaction.
async fn by_token(auth: &AuthState, token: &Secret, from: &Client) -> Result<(), Problem> {
    let Some(token) = OpaqueToken::parse(TokenKind::Refresh, token.expose()) else { return Ok(()) };
    if session_of(&auth.db, &token).await.map_err(web::unavailable)?.is_some() {
        auth.run(SignOutByToken { token, client: from.on_record() }).await.map_err(not_run)?;
    }
    Ok(())
}

/// Whose access token comes along, if it is valid.
async fn who_else(bearer: Option<Bearer>) -> Result<Option<Person>, Problem> {
    let Some(bearer) = bearer else { return Ok(None) };
    match bearer.sender().await {
        Ok(Caller::Person(person)) => Ok(Some(person)),
        Ok(_) => Ok(None),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(None),
        Err(problem) => Err(problem),
    }
}
