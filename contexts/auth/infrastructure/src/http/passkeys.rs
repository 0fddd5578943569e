//! Passkeys (WebAuthn, Level 3): adding, listing and removing them, and signing in with them.

use super::by::By;
use super::login::{new_session, opened};
use super::second_factor::invalid_challenge;
use super::state::no_token;
use super::tokens::expose_all;
use crate::AuthState;
use crate::factors::{NewRecoveryCodes, challenge_hash};
use crate::queries::get_passkeys::{descriptors_of, descriptors_of_address, waits};
use crate::sql::unit_of_work::not_run;
use crate::tokens::{OpaqueToken, TokenError, TokenKind};
use auth_access::{Enrolling, Fresh, Person};
use auth_application::{
    AddPasskey, AddPasskeyError, AddedPasskey, BeginPasskey, PasskeyPurpose, PasskeyResponse, PasskeySignInError,
    RemovePasskey, SignInWithPasskey,
};
use auth_domain::{PasskeyId, PasskeyName, SessionId};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use identity::Email;
use kernel::{DomainError as _, Secret};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Client, Fields, Json, Language, NoQuery, PathId, Problem, RateLimit, RequestBody as _, unavailable};
use webauthn::{
    CHALLENGE_BYTES, CreationRequest, RelyingParty, UserEntity, UserVerification, creation_options, request_options,
};

/// Challenges of one address. Each is a row for five minutes.
const CHALLENGES: RateLimit = RateLimit { name: "auth.passkey_challenges", burst: 60, every: Duration::from_secs(2) };
/// Rate limit, per address, on passkeys that are refused.
const MISSES: RateLimit = RateLimit { name: "auth.passkey_misses", burst: 30, every: Duration::from_secs(10) };
/// How long a browser waits for the user.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

web::body! {
    /// A new passkey.
    #[schema(title = "NewPasskey", example = json!({ "name": "My phone", "credential": {
        "id": "AbCd", "rawId": "AbCd", "type": "public-key",
        "response": { "clientDataJSON": "e30", "attestationObject": "o2N", "transports": ["internal"] },
        "clientExtensionResults": {},
    } }))]
    pub(crate) struct NewPasskey {
        /// What `navigator.credentials.create()` returned, by `toJSON()`.
        credential: object Value,
        /// A name, for the list of passkeys. By default that of the authenticator's model.
        #[schema(min_length = 1, max_length = 100)]
        name: optional PasskeyName = PasskeyName::parse,
    }
}

web::body! {
    /// Whose passkeys a browser should offer. Without a field, it offers those that it finds.
    #[schema(title = "PasskeyLoginOptions", example = json!({ "email": "ada@example.org" }))]
    pub(crate) struct LoginOptions {
        /// The email address of the user, for passkeys that browsers do not find by themselves.
        #[schema(format = Email, min_length = 3, max_length = 254)]
        email: optional Email = Email::parse,
        /// The `challenge` of a sign-in that waits for its second factor.
        #[schema(min_length = 1, max_length = 200)]
        challenge: optional_secret,
    }
}

web::body! {
    /// A use of a passkey.
    #[schema(title = "PasskeyLogin", example = json!({ "credential": {
        "id": "AbCd", "rawId": "AbCd", "type": "public-key",
        "response": { "clientDataJSON": "e30", "authenticatorData": "SZY", "signature": "MEU", "userHandle": "AQ" },
        "clientExtensionResults": {},
    } }))]
    pub(crate) struct PasskeyLogin {
        /// What `navigator.credentials.get()` returned, by `toJSON()`.
        credential: object Value,
        /// The `challenge` of a sign-in that waits for its second factor; without it, the passkey signs in alone.
        #[schema(min_length = 1, max_length = 200)]
        challenge: optional_secret,
    }
}

/// A passkey that was added.
#[derive(Serialize, ToSchema)]
#[schema(title = "AddedPasskey", example = json!({
    "id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "iCloud Keychain",
}))]
pub(crate) struct AddedPasskeyView {
    /// The id of the passkey.
    id: Uuid,
    /// Its name.
    #[schema(max_length = 100)]
    name: String,
    /// New recovery codes, with the first second factor of a user. Only this response contains them.
    #[serde(serialize_with = "expose_all", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false, max_items = 10)]
    recovery_codes: Vec<Secret>,
}

/// Get the options for a new passkey.
///
/// Pass the answer to `PublicKeyCredential.parseCreationOptionsFromJSON()`, and the result to
/// `navigator.credentials.create()`. The challenge works once, for five minutes.
#[utoipa::path(
    post,
    path = "/auth/passkeys/options",
    tag = "factors",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The options.", body = Object, example = json!({
            "challenge": "5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M", "rp": { "id": "example.org", "name": "Roster" },
            "user": { "id": "AYkKXayWd0u8zrMCCZqAVw", "name": "ada@example.org", "displayName": "ada@example.org" },
            "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }],
        })),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no passkeys."),
        (status = 404, description = "The user no longer exists."),
        (status = 503, description = "This server has no domain for passkeys (`passkeys_not_configured`), or its database does not answer."),
    )
)]
pub(crate) async fn begin_passkey(
    State(auth): State<AuthState>,
    By(Enrolling(me), by): By<Enrolling>,
    _: NoQuery,
) -> Result<Response, Problem> {
    let party = party(&auth)?;
    let email = auth.credentials.identifier_of(me.user).await.map_err(not_run)?.ok_or_else(Problem::not_found)?;
    let exclude = descriptors_of(&auth.db, me.user.as_uuid()).await.map_err(unavailable)?;
    let challenge = random_challenge()?;
    let begin = BeginPasskey {
        challenge: challenge_hash(&challenge),
        purpose: PasskeyPurpose::Register(me.user),
        by: Some(by),
    };
    auth.run(begin).await.map_err(not_run)?;
    let name = email.as_str().to_owned();
    let user = UserEntity { id: me.user.as_uuid().as_bytes().to_vec(), display_name: name.clone(), name };
    let (user_verification, hints, timeout) = (UserVerification::Required, Vec::new(), TIMEOUT);
    let request = CreationRequest { challenge, user, exclude, user_verification, hints, timeout };
    Ok(Json(creation_options(party, request)).into_response())
}

/// Add a passkey.
///
/// All other sessions of the user lose their level, and the user is told by mail. A user without another second factor gets
/// recovery codes.
#[utoipa::path(
    post,
    path = "/auth/passkeys",
    tag = "factors",
    security(("bearer" = [])),
    request_body = NewPasskey,
    responses(
        (status = 201, description = "The passkey is added.", body = AddedPasskeyView),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no passkeys."),
        (status = 409, description = "The passkey is registered already, or there are too many: `passkey_registered`, `too_many_passkeys`."),
        (status = 422, description = "The passkey is refused (`passkey_refused`), or the request violates a rule."),
        (status = 503, description = "This server has no domain for passkeys (`passkeys_not_configured`), or its database does not answer."),
    )
)]
pub(crate) async fn add_passkey(
    State(auth): State<AuthState>,
    By(Enrolling(me), by): By<Enrolling>,
    language: Language,
    _: NoQuery,
    mut fields: Fields,
) -> Result<Response, Problem> {
    party(&auth)?;
    let NewPasskey { credential, name } = NewPasskey::read(&mut fields);
    let credential = fields.finish(credential)?;
    let codes = NewRecoveryCodes::random(&auth.factor_keys, me.user).map_err(super::totp::not_sealed)?;
    let add = AddPasskey {
        user: me.user,
        session: SessionId::new(me.session),
        response: PasskeyResponse(credential.to_string()),
        name,
        recovery: codes.hashes,
        ceremonies: auth.ceremonies.clone(),
        by,
        notice: auth.notice(language),
    };
    match auth.run(add).await.map_err(not_run)? {
        Ok(AddedPasskey { passkey, has_new_codes }) => {
            let recovery_codes = if has_new_codes { codes.shown } else { Vec::new() };
            let name = passkey.name.as_str().to_owned();
            let view = AddedPasskeyView { id: passkey.id.as_uuid(), name, recovery_codes };
            Ok((StatusCode::CREATED, Json(view)).into_response())
        }
        Err(AddPasskeyError::Refused(why)) => {
            tracing::warn!(target: "audit", user = %me.user, %why, "a new passkey was refused");
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "passkey_refused", REFUSED))
        }
        Err(AddPasskeyError::Conflict(why)) => {
            let title = "The passkey cannot be added";
            Err(Problem::new(StatusCode::CONFLICT, why.code(), title).detail(why.to_string()))
        }
    }
}

/// Remove one of your passkeys.
///
/// All other sessions of the user lose their level, and the user is told by mail.
#[utoipa::path(
    delete,
    path = "/auth/passkeys/{id}",
    tag = "factors",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The passkey's id.")),
    responses(
        (status = 204, description = "The passkey is removed."),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no passkeys."),
        (status = 404, description = "You have no such passkey."),
    )
)]
pub(crate) async fn remove_passkey(
    State(auth): State<AuthState>,
    By(Fresh(me), by): By<Fresh<Person>>,
    PathId(id): PathId,
    language: Language,
    _: NoQuery,
) -> Result<StatusCode, Problem> {
    let (session, passkey, notice) = (SessionId::new(me.session), PasskeyId::new(id), auth.notice(language));
    let remove = RemovePasskey { user: me.user, session, passkey, by, notice };
    if auth.run(remove).await.map_err(not_run)? { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Get the options for signing in, or stepping up, with a passkey.
///
/// Pass the answer to `PublicKeyCredential.parseRequestOptionsFromJSON()`, and the result to
/// `navigator.credentials.get()`. The challenge works once, for five minutes. Without a field, the browser offers the
/// passkeys that it finds. With an address that has no passkey, the answer names one that does not exist.
#[utoipa::path(
    post,
    path = "/auth/passkeys/login/options",
    tag = "auth",
    request_body = LoginOptions,
    responses(
        (status = 200, description = "The options.", body = Object, example = json!({
            "challenge": "5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M", "rpId": "example.org", "userVerification": "required",
        })),
        (status = 401, description = "The `challenge` is unknown, used or expired (`challenge_invalid`): sign in again."),
        (status = 429, description = "Too many challenges. Retry after the seconds in `Retry-After`."),
        (status = 503, description = "This server has no domain for passkeys (`passkeys_not_configured`), or its database does not answer."),
    )
)]
pub(crate) async fn begin_login_with_passkey(
    State(auth): State<AuthState>,
    from: Client,
    _: NoQuery,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let party = party(&auth)?;
    let LoginOptions { email, challenge: () } = LoginOptions::read(&mut fields);
    let after_password = fields.secret_given("challenge").cloned();
    fields.finish(Some(()))?;
    _ = auth.limits.acquire(&CHALLENGES, &from.address.key()).await?;
    let (allow, user_verification) = match (after_password, email) {
        (Some(token), _) => {
            let token = OpaqueToken::parse(TokenKind::Challenge, token.expose()).ok_or_else(invalid_challenge)?;
            let user = auth.credentials.user_of_challenge(&token).await.map_err(not_run)?;
            let user = user.ok_or_else(invalid_challenge)?;
            let allow = descriptors_of(&auth.db, user.as_uuid()).await.map_err(unavailable)?;
            (allow, UserVerification::Preferred)
        }
        (None, Some(email)) => {
            let allow = descriptors_of_address(&auth.db, &auth.factor_keys, &email).await.map_err(unavailable)?;
            (allow, UserVerification::Required)
        }
        (None, None) => (Vec::new(), UserVerification::Required),
    };
    let challenge = random_challenge()?;
    let begin = BeginPasskey { challenge: challenge_hash(&challenge), purpose: PasskeyPurpose::Assert, by: None };
    auth.run(begin).await.map_err(not_run)?;
    Ok(Json(request_options(party, &challenge, allow, user_verification, TIMEOUT)).into_response())
}

/// Sign in with a passkey.
///
/// Alone, the authenticator must verify the user by a PIN or a fingerprint. With the `challenge` of a sign-in, the passkey is
/// the second factor. If the passkey is unknown (`passkey_unknown`), call `PublicKeyCredential.signalUnknownCredential()`,
/// so that the browser no longer offers it.
#[utoipa::path(
    post,
    path = "/auth/passkeys/login",
    tag = "auth",
    request_body = PasskeyLogin,
    responses(
        (status = 200, description = "The tokens of the new session.", body = super::tokens::TokensView),
        (status = 401, description = "The passkey is unknown or its user is deactivated (`passkey_unknown`), the passkey is refused or the sign-in has expired (`passkey_refused`), or the `challenge` is malformed (`challenge_invalid`)."),
        (status = 429, description = "Too many refused passkeys. Retry after the seconds in `Retry-After`."),
        (status = 503, description = "This server has no domain for passkeys (`passkeys_not_configured`), or its database does not answer."),
    )
)]
pub(crate) async fn login_with_passkey(
    State(auth): State<AuthState>,
    from: Client,
    language: Language,
    headers: HeaderMap,
    _: NoQuery,
    mut fields: Fields,
) -> Result<impl IntoResponse + use<>, Problem> {
    party(&auth)?;
    let PasskeyLogin { credential, challenge: () } = PasskeyLogin::read(&mut fields);
    let after_password = fields.secret_given("challenge").cloned();
    let credential = fields.finish(credential)?;
    let after_password = match after_password {
        Some(token) => Some(OpaqueToken::parse(TokenKind::Challenge, token.expose()).ok_or_else(invalid_challenge)?),
        None => None,
    };
    let response = PasskeyResponse(credential.to_string());
    if !answers_a_challenge(&auth, &response).await? {
        auth.limits.count_miss(&MISSES, &from.address.key()).await?;
        return Err(refused_passkey());
    }
    let refresh = OpaqueToken::random(TokenKind::Refresh).map_err(no_token)?;
    let session = new_session(&auth, &refresh, &from, language, &headers);
    let sign_in = SignInWithPasskey { response, after_password, ceremonies: auth.ceremonies.clone(), session };
    match sign_in.sign_in(&*auth.throttle, &auth.unit_of_work).await.map_err(not_run)? {
        Ok(session) => opened(auth, session, refresh, from),
        Err(why) => {
            auth.limits.count_miss(&MISSES, &from.address.key()).await?;
            Err(match why {
                PasskeySignInError::Unknown => Problem::unauthorized("passkey_unknown", "The passkey is unknown"),
                PasskeySignInError::Refused(_) => refused_passkey(),
            })
        }
    }
}

/// Whether a response answers a challenge that waits. Others change nothing, so a flood of them writes nothing: the limit
/// of challenges bounds what comes after.
pub(super) async fn answers_a_challenge(auth: &AuthState, response: &PasskeyResponse) -> Result<bool, Problem> {
    match auth.ceremonies.challenge_of(response) {
        Ok(hash) => waits(&auth.db, &hash).await.map_err(unavailable),
        Err(_) => Ok(false),
    }
}

const REFUSED: &str = "The passkey is refused";

/// 401: the client does not learn why.
pub(super) fn refused_passkey() -> Problem {
    Problem::unauthorized("passkey_refused", REFUSED)
}

fn party(auth: &AuthState) -> Result<&Arc<RelyingParty>, Problem> {
    auth.party.as_ref().ok_or_else(|| {
        let title = "This server has no domain for passkeys";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "passkeys_not_configured", title)
    })
}

fn random_challenge() -> Result<Vec<u8>, Problem> {
    let mut challenge = vec![0; CHALLENGE_BYTES];
    getrandom::fill(&mut challenge).map_err(|_| no_token(TokenError::Crypto))?;
    Ok(challenge)
}
