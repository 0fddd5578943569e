//! The second step of a sign-in.

use super::login::{new_session, opened};
use super::state::{guess_failed, no_token};
use crate::AuthState;
use crate::tokens::{OpaqueToken, TokenKind};
use auth_application::{CompleteSignIn, CompleteSignInError, GuessError};
use auth_domain::SecondFactorCode;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use kernel::{DomainError as _, Secret};
use std::time::Duration;
use web::{Client, Fields, Language, NoQuery, Problem, RateLimit, RequestBody as _};

/// Rate limit, per address, on challenges that do not work.
const MISSES: RateLimit = RateLimit { name: "auth.challenge_misses", burst: 30, every: Duration::from_secs(10) };

web::body! {
    /// The challenge of a sign-in, and a code.
    #[schema(title = "SecondFactor", example = json!({
        "challenge": "rc_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M", "code": "123456",
    }))]
    pub(crate) struct SecondFactor {
        /// The `challenge` of the answer to `POST /auth/login`.
        #[schema(min_length = 1, max_length = 200)]
        challenge: secret,
        /// The six digits of an authenticator app, or a recovery code.
        #[schema(min_length = 6, max_length = 100)]
        code: secret,
    }
}

/// Complete a sign-in by a code.
///
/// Each code works once. A wrong code leaves the challenge as it is; after ten wrong codes a user waits.
#[utoipa::path(
    post,
    path = "/auth/login/second-factor",
    tag = "auth",
    request_body = SecondFactor,
    responses(
        (status = 200, description = "The tokens of the new session.", body = super::tokens::TokensView),
        (status = 401, description = "The code is wrong (`wrong_code`), or the challenge is unknown, used or expired (`challenge_invalid`): then sign in again."),
        (status = 429, description = "Too many wrong codes. Retry after the seconds in `Retry-After`."),
        (status = 503, description = "The database does not answer. This answer does not say whether the code is right."),
    )
)]
pub(crate) async fn complete_login(
    State(auth): State<AuthState>,
    from: Client,
    language: Language,
    headers: HeaderMap,
    _: NoQuery,
    mut fields: Fields,
) -> Result<impl IntoResponse + use<>, Problem> {
    let SecondFactor { challenge, code } = SecondFactor::read(&mut fields);
    let code = read_code(&mut fields, code);
    let (challenge, code) = fields.finish(challenge.zip(code))?;
    let Some(challenge) = OpaqueToken::parse(TokenKind::Challenge, challenge.expose()) else {
        return Err(missed(&auth, &from).await);
    };
    let refresh = OpaqueToken::random(TokenKind::Refresh).map_err(no_token)?;
    let notice = auth.notice(language.clone());
    let session = new_session(&auth, &refresh, &from, language, &headers);
    let (codes, address) = (auth.codes.clone(), from.address.ip());
    let complete = CompleteSignIn { challenge, code, codes, address, session, notice };
    match complete.execute(&auth.password_ports()).await {
        Ok(session) => opened(auth, session, refresh, from),
        Err(GuessError::Rejected(CompleteSignInError::ChallengeInvalid)) => Err(missed(&auth, &from).await),
        Err(why) => Err(guess_failed(why, |_| wrong_code())),
    }
}

/// Reads the field `code`.
pub(super) fn read_code(fields: &mut Fields, code: Option<Secret>) -> Option<SecondFactorCode> {
    match SecondFactorCode::parse(&code?) {
        Ok(code) => Some(code),
        Err(why) => {
            fields.refuse("code", why.code(), why.to_string());
            None
        }
    }
}

/// 401: the code is wrong or used.
pub(super) fn wrong_code() -> Problem {
    Problem::unauthorized("wrong_code", "The code is wrong, or has been used")
}

/// 401, or 429 for an address with too many invalid challenges.
async fn missed(auth: &AuthState, from: &Client) -> Problem {
    auth.limits.count_miss(&MISSES, &from.address.key()).await.err().map_or_else(invalid_challenge, Problem::from)
}

/// 401: the challenge does not work.
pub(super) fn invalid_challenge() -> Problem {
    Problem::unauthorized("challenge_invalid", "The sign-in has expired: begin it again")
}
