//! Sign-in with an email address and a password.

use super::state::{guess_failed, no_token};
use super::tokens::TokensView;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use crate::tokens::{OpaqueToken, TokenKind};
use auth_application::{NewSession, SignIn, SignOut, SignedIn, WrongCredentials};
use auth_domain::{AuthMethod, Device, Session};
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use identity::Email;
use serde::Serialize;
use std::time::Duration;
use tokio::time::sleep;
use utoipa::ToSchema;
use web::{Client, Fields, Language, NoQuery, OrElse, PROBLEM_JSON, Problem, RequestBody as _};

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

/// Why a sign-in opened no session.
#[derive(Serialize, ToSchema)]
#[schema(title = "LoginProblem")]
struct LoginProblem {
    #[serde(flatten)]
    #[schema(value_type = Problem)]
    problem: (),
    /// With `second_factor_required`: what `POST /auth/login/second-factor` needs.
    #[schema(required = false, max_length = 200)]
    challenge: String,
    /// With `second_factor_required`: the second factors of the user.
    #[schema(required = false, max_items = 10)]
    methods: Vec<String>,
}

/// Sign in.
///
/// A user with a second factor gets 401 `second_factor_required`, with the members `challenge` and `methods`: complete the
/// sign-in within five minutes by `POST /auth/login/second-factor`, or with a passkey.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    request_body = Login,
    responses(
        (status = 200, description = "The tokens of the new session.", body = TokensView),
        (status = 401, description = "Wrong email address or password, or the user is deactivated; the answer does not say which. Or the password is right and the second factor is missing: `second_factor_required`, with `challenge` and `methods`.", body = LoginProblem, content_type = PROBLEM_JSON),
        (status = 429, description = "Too many wrong passwords. Retry after the seconds in `Retry-After`."),
        (status = 503, description = "The server has too many sign-ins at this moment, or its database does not answer. Retry after the seconds in `Retry-After`. This answer does not say whether the password is right."),
    )
)]
pub(crate) async fn login(
    State(auth): State<AuthState>,
    _: HasCapacity,
    from: Client,
    language: Language,
    headers: HeaderMap,
    _: NoQuery,
    mut fields: Fields,
) -> Result<impl IntoResponse + use<>, Problem> {
    let Login { email, password } = Login::read(&mut fields);
    let (email, password) = fields.finish(email.zip(password))?;
    let [refresh, challenge] = [TokenKind::Refresh, TokenKind::Challenge].map(OpaqueToken::random);
    let (refresh, challenge) = (refresh.map_err(no_token)?, challenge.map_err(no_token)?);
    let session = new_session(&auth, &refresh, &from, language, &headers);
    let (challenge_hash, address) = (challenge.hash, from.address.ip());
    let sign_in = SignIn { email: &email, password: &password, challenge: challenge_hash, address, session };
    match sign_in.execute(&auth.password_ports()).await.map_err(|why| guess_failed(why, wrong_credentials))? {
        SignedIn::Session(session) => opened(auth, session, refresh, from),
        SignedIn::Challenged(methods) => Err(second_factor_required(&challenge, &methods)),
    }
}

/// How long a sign-in waits for others to be done before it is refused.
const PAUSE: Duration = Duration::from_millis(200);

/// Refuses a sign-in while too many wait, before its body is read and the database is asked. The refusal comes after a
/// pause: otherwise clients that do not heed `Retry-After` would come back at once, and take the processors from the
/// hashes of those who are admitted.
pub(crate) struct HasCapacity;

impl<S: Sync> FromRequestParts<S> for HasCapacity
where
    AuthState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Problem> {
        let credentials = AuthState::from_ref(state).credentials;
        if credentials.check_capacity().is_err() {
            sleep(PAUSE).await;
            credentials.check_capacity().map_err(not_run)?;
        }
        Ok(Self)
    }
}

/// The session that a sign-in by this request opens.
pub(super) fn new_session(
    auth: &AuthState,
    refresh: &OpaqueToken,
    from: &Client,
    language: Language,
    headers: &HeaderMap,
) -> NewSession {
    NewSession {
        token: refresh.hash,
        client: from.on_record(),
        life: auth.life,
        device: auth.notice(language).map(|notice| (device(headers, from), notice)),
    }
}

/// The answer to a sign-in: the tokens of a new session. If they reach no client, the session ends.
pub(super) fn opened(
    auth: AuthState,
    session: Session,
    refresh: OpaqueToken,
    from: Client,
) -> Result<impl IntoResponse + use<>, Problem> {
    let tokens = TokensView::issue(&auth, &session, refresh)?;
    Ok(OrElse(tokens, async move {
        // The tokens have reached no client, so no client can end the session.
        let end = SignOut { user: session.user, session: session.id, client: from.on_record() };
        if let Err(why) = auth.run(end).await {
            tracing::warn!(%why, session = %session.id, "a session whose tokens reached no client could not be ended");
        }
    }))
}

/// The device that a request comes from.
fn device(headers: &HeaderMap, from: &Client) -> Device {
    let agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    Device::new(&agent.unwrap_or_default(), from.address.network())
}

fn second_factor_required(challenge: &OpaqueToken, methods: &[AuthMethod]) -> Problem {
    let methods: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    Problem::unauthorized("second_factor_required", "The second factor is missing")
        .member("challenge", challenge.text.expose())
        .member("methods", methods)
}

fn wrong_credentials(_: WrongCredentials) -> Problem {
    Problem::unauthorized("wrong_credentials", "Wrong email address or password")
}
