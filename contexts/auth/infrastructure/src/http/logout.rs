//! Signs a session out, by its access token or by its refresh token.

use super::any_secret;
use crate::AuthState;
use crate::queries::check_refresh_token::session_of;
use crate::sql::unit_of_work::not_run;
use crate::tokens::{OpaqueToken, TokenKind};
use auth_access::{AnyLevel, AnySession, Caller, Person};
use auth_application::{SignOut, SignOutByToken};
use auth_domain::SessionId;
use axum::extract::State;
use axum::http::StatusCode;
use kernel::Secret;
use web::{Bearer, Client, Fields, NoQuery, Problem, RequestBody as _};

web::body! {
    /// The refresh token of the session to end, for clients whose access token has expired.
    #[schema(title = "Logout", example = json!({ "refresh_token": "rr_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M" }))]
    pub(crate) struct Logout {
        /// A refresh token of the session to end. Without it, the session of the access token ends.
        refresh_token: optional Secret = any_secret,
    }
}

/// Sign out.
///
/// Ends the session and revokes all its tokens at once. With `refresh_token` in the body no access token is needed. The
/// answer is 204 for every refresh token: valid, used or invented. If the request also has a valid access token, the
/// session of that token ends as well.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "auth",
    security((), ("bearer" = [])),
    request_body(content = Option<Logout>),
    responses(
        (status = 204, description = "Signed out."),
        (status = 403, description = "Service keys have no session."),
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
            let Logout { refresh_token } = Logout::read(&mut fields);
            fields.finish(Some(refresh_token))?
        }
        None => None,
    };
    let me = match token {
        Some(token) => {
            by_token(&auth, &token, &from).await?;
            also_signed_in(bearer).await?
        }
        None => Some(bearer.ok_or_else(Problem::unauthenticated)?.sender::<AnySession>().await?.0),
    };
    if let Some(me) = me {
        let sign_out = SignOut { user: me.user, session: SessionId::new(me.session), client: from.on_record() };
        auth.run(sign_out).await.map_err(not_run)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the session of a refresh token. A token without a live session is recognised by a read alone, so that a flood
/// of invented tokens opens no write transactions.
async fn by_token(auth: &AuthState, token: &Secret, from: &Client) -> Result<(), Problem> {
    let Some(token) = OpaqueToken::parse(TokenKind::Refresh, token.expose()) else { return Ok(()) };
    if session_of(&auth.db, &token).await.map_err(web::unavailable)?.is_some() {
        auth.run(SignOutByToken { token, client: from.on_record() }).await.map_err(not_run)?;
    }
    Ok(())
}

/// The person of the access token that the request also has, if the token is valid.
async fn also_signed_in(bearer: Option<Bearer>) -> Result<Option<Person>, Problem> {
    let Some(bearer) = bearer else { return Ok(None) };
    match bearer.sender().await {
        Ok(AnyLevel(Caller::Person(person))) => Ok(Some(person)),
        Ok(_) => Ok(None),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(None),
        Err(problem) => Err(problem),
    }
}
