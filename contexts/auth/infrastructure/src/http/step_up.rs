//! A person who has signed in proves once more who they are (RFC 9470).

use super::by::By;
use super::passkeys::{answers_a_challenge, refused_passkey};
use super::second_factor::{read_code, wrong_code};
use super::state::guess_failed;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use auth_access::AnySession;
use auth_application::{PasskeyResponse, StepUp, StepUpError};
use auth_domain::SessionId;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use web::{Client, Fields, Language, NoQuery, Problem, RequestBody as _, Violation};

web::body! {
    /// The proof of a step-up: a code or a passkey if the user has a second factor; otherwise the password.
    #[schema(title = "StepUpProof", example = json!({ "code": "123456" }))]
    pub(crate) struct StepUpProof {
        /// The current password.
        #[schema(format = Password, min_length = 1, max_length = 1024)]
        password: optional_secret,
        /// The six digits of an authenticator app, or a recovery code.
        #[schema(min_length = 6, max_length = 100)]
        code: optional_secret,
        /// What `navigator.credentials.get()` returned for a passkey, by `toJSON()`, in place of a code.
        credential: optional_object Value,
    }
}

/// Step up: prove once more who you are.
///
/// The session then counts as fresh for 15 minutes (`ROSTER_STEP_UP_MAX_AGE`). Its tokens stay as they are, since the
/// server reads the level of a session from its database; the next access token names the new level in `acr`. A user with
/// a second factor sends a `code`, or a passkey with a challenge of `POST /auth/passkeys/login/options`; any other user
/// sends the `password`.
#[utoipa::path(
    post,
    path = "/auth/step-up",
    tag = "auth",
    security(("bearer" = [])),
    request_body = StepUpProof,
    responses(
        (status = 204, description = "The session is fresh."),
        (status = 401, description = "The token is missing, invalid or expired, the code is wrong or used (`wrong_code`), or the passkey is refused (`passkey_refused`)."),
        (status = 403, description = "Service keys have no sessions."),
        (status = 404, description = "The user no longer exists."),
        (status = 429, description = "Too many wrong passwords or codes. Retry after the seconds in `Retry-After`."),
    )
)]
pub(crate) async fn step_up(
    State(auth): State<AuthState>,
    By(AnySession(me), by): By<AnySession>,
    from: Client,
    language: Language,
    _: NoQuery,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let StepUpProof { password: (), code: (), credential } = StepUpProof::read(&mut fields);
    let given = fields.secret_given("code").cloned();
    let code = read_code(&mut fields, given);
    let password = fields.secret_given("password").cloned();
    fields.finish(Some(()))?;
    let passkey = credential.map(|credential| PasskeyResponse(credential.to_string()));
    if let Some(response) = &passkey
        && !answers_a_challenge(&auth, response).await?
    {
        return Err(refused_passkey());
    }
    let email = auth.credentials.identifier_of(me.user).await.map_err(not_run)?.ok_or_else(Problem::not_found)?;
    let step_up = StepUp {
        user: me.user,
        session: SessionId::new(me.session),
        email: &email,
        password: password.as_ref(),
        code,
        passkey,
        ceremonies: auth.ceremonies.clone(),
        codes: auth.codes.clone(),
        address: from.address.ip(),
        by,
        notice: auth.notice(language),
    };
    step_up.execute(&auth.password_ports()).await.map_err(|why| guess_failed(why, refused))?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(why: StepUpError) -> Problem {
    let flaw = |pointer, code, message| Problem::invalid(vec![Violation::new(pointer, code, message)]);
    match why {
        StepUpError::PasswordNeeded => flaw("/password", "required", "is required, since you have no second factor"),
        StepUpError::CodeNeeded => flaw("/code", "required", "is required, since you have a second factor"),
        StepUpError::WrongPassword => flaw("/password", "wrong_password", "is not your password"),
        StepUpError::WrongCode => wrong_code(),
        StepUpError::WrongPasskey => refused_passkey(),
    }
}
