//! Sign-in with an email address and a password.

use super::state::{no_token, too_many_guesses};
use super::tokens::TokensView;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use crate::tokens::{OpaqueToken, TokenKind};
use auth_application::{SignIn, SignInError, SignOut};
use axum::extract::State;
use axum::response::IntoResponse;
use identity::Email;
use web::{Client, Fields, NoQuery, OrElse, Problem, RequestBody as _};

web::body! {
    /// An email address and a password.
    #[schema(title = "Login", example = json!({ "email": "ada@example.org", "password": "correct horse battery staple" }))]
    pub(crate) struct Login {
        /// The email address that the user registered with.
        #[schema(format = Email, min_length = 3, max_length = 254)]
        email: required Email = Email::parse,
        /// The password.
        #[schema(format = Password, min_length = 1, max_length = 1024)]
        password: secret,
    }
}

/// Sign in.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    request_body = Login,
    responses(
        (status = 200, description = "The tokens of the new session.", body = TokensView),
        (status = 401, description = "Wrong email address or password, or the user is deactivated. The answer does not say which."),
        (status = 429, description = "Too many wrong passwords. Retry after the seconds in `Retry-After`."),
        (status = 503, description = "The server has too many sign-ins at this moment, or its database does not answer. Retry after the seconds in `Retry-After`. This answer does not say whether the password is right."),
    )
)]
pub(crate) async fn login(
    State(auth): State<AuthState>,
    from: Client,
    _: NoQuery,
    mut fields: Fields,
) -> Result<impl IntoResponse + use<>, Problem> {
    let Login { email, password } = Login::read(&mut fields);
    let (email, password) = fields.finish(email.zip(password))?;
    let refresh = OpaqueToken::random(TokenKind::Refresh).map_err(no_token)?;
    let sign_in = SignIn {
        email: &email,
        password: &password,
        token: refresh.hash,
        address: from.address.ip(),
        client: from.on_record(),
        life: auth.life,
    };
    let session = sign_in.execute(&auth.password_ports()).await.map_err(refused)?;
    let tokens = TokensView::issue(&auth, &session, refresh)?;
    Ok(OrElse(tokens, async move {
        // The tokens have reached no client, so no client can end the session.
        let end = SignOut { user: session.user, session: session.id, client: from.on_record() };
        if let Err(why) = auth.run(end).await {
            tracing::warn!(%why, session = %session.id, "a session whose tokens reached no client could not be ended");
        }
    }))
}

fn refused(why: SignInError) -> Problem {
    match why {
        SignInError::WrongCredentials => Problem::unauthorized("wrong_credentials", "Wrong email address or password"),
        SignInError::TooManyGuesses(why) => too_many_guesses(why),
        SignInError::Unavailable(why) => not_run(why),
    }
}
