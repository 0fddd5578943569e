//! A person who was mailed a link chooses a new password: by the API, or on the page behind the link.

use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use auth_application::{ResetPassword, ResetPasswordError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::{DomainError as _, Secret};
use mail_access::{TokenPage, parse_token};
use std::time::Duration;
use web::{Client, Fields, FormBody, Language, NoQuery, Problem, Query, RateLimit, RequestBody as _, Violation};

/// Attempts of one address. A token cannot be guessed, but each attempt may hash a password.
const FROM_ADDRESS: RateLimit =
    RateLimit { name: "auth.resets_from_address", burst: 20, every: Duration::from_secs(30) };

/// The page behind the link.
const PAGE: TokenPage = TokenPage {
    path: "reset",
    title: "Choose a new password",
    text: "The new password replaces the old one. You will be signed out everywhere.",
    button: "Set the password",
    asks_for_password: true,
    done: "The password is set. You can sign in with it now.",
};

web::body! {
    /// The token of a link, and a new password.
    #[schema(title = "PasswordReset", example = json!({
        "token": "rm_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M", "password": "another horse, another staple",
    }))]
    pub(crate) struct PasswordReset {
        /// The token of the link in the mail.
        #[schema(min_length = 1, max_length = 200)]
        token: secret,
        /// The new password. It follows the same rules as at registration.
        #[schema(format = Password, min_length = 15, max_length = 1024)]
        password: secret,
    }
}

/// Choose a new password by the token of a link.
///
/// The server ends all sessions of the user, and no other link works any more. It opens no session.
#[utoipa::path(
    post,
    path = "/auth/password/reset",
    tag = "auth",
    request_body = PasswordReset,
    responses(
        (status = 204, description = "The password has been set."),
        (status = 422, description = "The token is unknown, used, expired or revoked (`token_invalid`), or the request violates a rule. A password that is refused does not use up the token."),
        (status = 429, description = "Too many attempts from this address. Retry after the seconds in `Retry-After`."),
    )
)]
pub(crate) async fn reset_password(
    State(auth): State<AuthState>,
    from: Client,
    language: Language,
    _: NoQuery,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let PasswordReset { token, password } = PasswordReset::read(&mut fields);
    let (token, password) = fields.finish(token.zip(password))?;
    reset(&auth, &token, &password, &from, language).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /reset`: the page with the form.
pub(crate) async fn show_page(query: Query) -> Result<Response, Problem> {
    PAGE.form(query)
}

/// `POST /reset`: the form of the page.
pub(crate) async fn submit_page(
    State(auth): State<AuthState>,
    from: Client,
    language: Language,
    _: NoQuery,
    FormBody(mut form): FormBody,
) -> Result<Response, Problem> {
    let PasswordReset { token, password } = form.read();
    let shown = token.clone();
    let done = async {
        let (token, password) = form.finish(token.zip(password))?;
        reset(&auth, &token, &password, &from, language).await
    };
    match (done.await, shown) {
        (Ok(()), _) => Ok(PAGE.done()),
        (Err(problem), Some(token)) => Ok(PAGE.refused(token.expose(), &problem)),
        (Err(problem), None) => Err(problem),
    }
}

async fn reset(
    auth: &AuthState,
    token: &Secret,
    password: &Secret,
    from: &Client,
    language: Language,
) -> Result<(), Problem> {
    _ = auth.limits.acquire(&FROM_ADDRESS, &from.address.key()).await?;
    let token = parse_token(token.expose()).ok_or_else(token_invalid)?;
    let reset = ResetPassword { token: &token, password, client: from.on_record(), notice: auth.notice(language) };
    reset.execute(&auth.policy, &*auth.credentials, &auth.unit_of_work).await.map_err(|why| match why {
        ResetPasswordError::TokenInvalid => {
            tracing::warn!(target: "audit", address = %from.address.ip(), "the token of a link did not work");
            token_invalid()
        }
        ResetPasswordError::Flawed(flaws) => Problem::invalid(
            flaws.iter().map(|flaw| Violation::new("/password", flaw.code(), flaw.to_string())).collect(),
        ),
        ResetPasswordError::Unavailable(why) => not_run(why),
    })
}

/// One answer for every token that does not work.
fn token_invalid() -> Problem {
    let title = "The link is unknown, used or expired";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "token_invalid", title)
}
