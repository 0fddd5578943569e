//! An address and a password for a session.

use super::tokens::TokensView;
use crate::AuthService;
use crate::auth_service::{broken, unavailable};
use crate::login_throttle::LoginAttempt;
use crate::tokens::{OpaqueToken, TokenKind};
use auth_application::{RefuseSignIn, SignIn, SignOut};
use auth_domain::Session;
use axum::extract::State;
use axum::response::IntoResponse;
use kernel::{Email, Secret};
use utoipa::ToSchema;
use web::{Client, Fields, NoQuery, OrElse, Problem};

/// Who signs in, and with what.
#[derive(ToSchema)]
#[schema(title = "Login", example = json!({ "email": "ada@example.org", "password": "correct horse battery staple" }))]
#[expect(dead_code, reason = "it describes the body, which is read field by field to find every violation")]
pub(crate) struct Login {
    /// The address that they registered with.
    #[schema(format = Email, min_length = 3, max_length = 254)]
    email: String,
    /// Their password.
    #[schema(format = Password, min_length = 1, max_length = 1024)]
    password: String,
}

/// Sign in.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    request_body = Login,
    responses(
        (status = 200, description = "A session, and its tokens.", body = TokensView),
        (status = 401, description = "They do not fit, or may not sign in: it does not say which.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong passwords: see `Retry-After`.", body = Problem, content_type = "application/problem+json", headers(
            ("Retry-After" = i64, description = "Seconds until one more is looked at."),
        )),
        (status = 503, description = "Too many sign in now, or something does not answer: see `Retry-After`. It says nothing of the password.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It could be read, and is refused: every violation with its pointer.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn login(
    State(auth): State<AuthService>,
    from: Client,
    _: NoQuery,
    mut fields: Fields,
) -> Result<impl IntoResponse + use<>, Problem> {
    let (email, password) = (fields.required("email", Email::parse), fields.secret("password"));
    let (email, password) = fields.finish(email.zip(password))?;
    let attempt = auth.begin_attempt(&email, &from).await?;
    let refresh = OpaqueToken::random(TokenKind::Refresh).map_err(broken)?;
    let opened = open(&auth, &attempt, email, &password, &refresh, &from).await;
    let session = auth.finish_attempt(attempt, opened).await?;
    let tokens = TokensView::issue(&auth, &session, refresh)?;
    Ok(OrElse(tokens, async move {
        // Its tokens have reached no client, which could end it.
        let end = SignOut { user: session.user, session: session.id, client: from.on_record() };
        if let Err(why) = auth.run(end).await {
            tracing::warn!(%why, session = %session.id, "a session whose tokens reached no client could not be ended");
        }
    }))
}

/// A session for the right password of a person who may sign in. A refusal is on record before it is answered.
async fn open(
    auth: &AuthService,
    attempt: &LoginAttempt,
    email: Email,
    password: &Secret,
    refresh: &OpaqueToken,
    from: &Client,
) -> Result<Session, Problem> {
    let verify = auth.credentials.verify(&email, password);
    let Some(verified) = auth.compare(attempt, password, verify).await? else {
        auth.run(RefuseSignIn { identifier: email, client: from.on_record() }).await.map_err(unavailable)?;
        return Err(wrong_credentials());
    };
    let sign_in = SignIn { verified, token: refresh.hash, client: from.on_record(), life: auth.life };
    auth.run(sign_in).await.map_err(unavailable)?.ok_or_else(wrong_credentials)
}

/// The same for an unknown address, a wrong password, and somebody who may not sign in.
fn wrong_credentials() -> Problem {
    Problem::unauthorized("wrong_credentials", "The address and the password do not fit")
}
