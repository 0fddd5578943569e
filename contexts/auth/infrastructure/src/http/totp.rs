//! A person enrols and removes an authenticator app, and gets recovery codes.

use super::by::By;
use super::second_factor::{read_code, wrong_code};
use super::state::{guess_failed, no_token};
use super::tokens::{expose, expose_all};
use crate::AuthState;
use crate::factors::{NewRecoveryCodes, NewTotp};
use crate::sql::unit_of_work::not_run;
use crate::tokens::TokenError;
use auth_access::{Enrolling, Fresh, Person};
use auth_application::{BeginTotp, ConfirmTotp, ConfirmTotpError, RemoveTotp, RenewRecoveryCodes};
use auth_domain::{FactorConflict, SessionId};
use axum::extract::State;
use axum::http::StatusCode;
use kernel::{DomainError as _, Secret};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use web::{Client, Fields, Json, Language, NoQuery, Problem, RequestBody as _};

/// When a client should come back if the key file lacks a key.
const RETRY: Duration = Duration::from_secs(60);

/// A new secret of an authenticator app, in three forms. Show one of them to the user, and keep none.
#[derive(Serialize, ToSchema)]
#[schema(title = "NewTotp", example = json!({
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "otpauth_url": "otpauth://totp/Roster:ada%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Roster",
    "qr_svg": "<svg viewBox=\"0 0 53 53\" xmlns=\"http://www.w3.org/2000/svg\"></svg>",
}))]
pub(crate) struct TotpView {
    /// The secret in Base32, for an app without a camera.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, pattern = "^[A-Z2-7]{32}$")]
    secret: Secret,
    /// The secret as a URL that opens an app.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, max_length = 4096)]
    otpauth_url: Secret,
    /// The URL as a QR code, an SVG image.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, max_length = 200_000)]
    qr_svg: Secret,
}

/// New recovery codes. Only this response contains them.
#[derive(Serialize, ToSchema)]
#[schema(title = "RecoveryCodes", example = json!({ "recovery_codes": [
    "7G3QM-01ABZ", "K2V8T-HX4QD", "3WPN9-6RJ0E", "ZB5CF-M8Y1S", "Q4D7G-2KTXV",
    "9HAE3-VW6NB", "X0RJP-5ZQ8C", "T6MY1-D4SFK", "CN8W2-B7HEG", "5VQ3Z-XK9JR",
] }))]
pub(crate) struct RecoveryCodesView {
    /// The codes. Each works once in place of the second factor.
    #[serde(serialize_with = "expose_all")]
    #[schema(value_type = Vec<String>, min_items = 10, max_items = 10)]
    recovery_codes: Vec<Secret>,
}

web::body! {
    /// A code of an authenticator app.
    #[schema(title = "TotpConfirmation", example = json!({ "code": "123456" }))]
    pub(crate) struct TotpConfirmation {
        /// The six digits that the app shows.
        #[schema(min_length = 6, max_length = 100)]
        code: secret,
    }
}

/// Begin to enrol an authenticator app.
///
/// The app counts once `POST /auth/totp/confirm` has got a code of it, within an hour. Each call replaces the secret of
/// an enrolment that was not confirmed.
#[utoipa::path(
    post,
    path = "/auth/totp",
    tag = "factors",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The secret. Only this response contains it.", body = TotpView),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no second factor."),
        (status = 404, description = "The user no longer exists."),
        (status = 409, description = "An app is enrolled already: `totp_enrolled`."),
    )
)]
pub(crate) async fn begin_totp(
    State(auth): State<AuthState>,
    By(Enrolling(me), by): By<Enrolling>,
    _: NoQuery,
) -> Result<Json<TotpView>, Problem> {
    let email = auth.credentials.identifier_of(me.user).await.map_err(not_run)?.ok_or_else(Problem::not_found)?;
    let new = NewTotp::random(auth.service, email.as_str()).map_err(no_token)?;
    let secret = auth.factor_keys.seal(me.user, new.secret.bytes()).map_err(not_sealed)?;
    auth.run(BeginTotp { user: me.user, secret, by }).await.map_err(not_run)?.map_err(conflict)?;
    Ok(Json(TotpView { secret: new.base32, otpauth_url: new.url, qr_svg: new.qr_svg }))
}

/// Confirm an authenticator app by its first code.
///
/// From then on a sign-in needs a code. Earlier recovery codes stop working. All other sessions of the user lose their
/// level, and the user is told by mail. The session itself keeps its level: step up with the next code.
#[utoipa::path(
    post,
    path = "/auth/totp/confirm",
    tag = "factors",
    security(("bearer" = [])),
    request_body = TotpConfirmation,
    responses(
        (status = 200, description = "The app is enrolled. Show the recovery codes to the user: only this response contains them.", body = RecoveryCodesView),
        (status = 401, description = "The token is missing, invalid or expired, the code is wrong (`wrong_code`), or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no second factor."),
        (status = 409, description = "No enrolment waits for a code: `totp_not_begun`."),
        (status = 429, description = "Too many wrong codes. Retry after the seconds in `Retry-After`."),
    )
)]
pub(crate) async fn confirm_totp(
    State(auth): State<AuthState>,
    By(Enrolling(me), by): By<Enrolling>,
    from: Client,
    language: Language,
    _: NoQuery,
    mut fields: Fields,
) -> Result<Json<RecoveryCodesView>, Problem> {
    let TotpConfirmation { code } = TotpConfirmation::read(&mut fields);
    let code = read_code(&mut fields, code);
    let code = fields.finish(code)?;
    let new = NewRecoveryCodes::random(&auth.factor_keys, me.user).map_err(not_sealed)?;
    let confirm = ConfirmTotp {
        user: me.user,
        session: SessionId::new(me.session),
        code,
        recovery: new.hashes,
        codes: auth.codes.clone(),
        address: from.address.ip(),
        by,
        notice: auth.notice(language),
    };
    confirm.confirm(&*auth.throttle, &auth.unit_of_work).await.map_err(|why| {
        guess_failed(why, |why| match why {
            ConfirmTotpError::WrongCode => wrong_code(),
            ConfirmTotpError::Conflict(why) => conflict(why),
        })
    })?;
    Ok(Json(RecoveryCodesView { recovery_codes: new.shown }))
}

/// Remove your authenticator app.
///
/// All other sessions of the user lose their level, and the user is told by mail. With the last second factor the recovery
/// codes go, too.
#[utoipa::path(
    delete,
    path = "/auth/totp",
    tag = "factors",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The app is removed."),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no second factor."),
        (status = 404, description = "No app is enrolled."),
    )
)]
pub(crate) async fn remove_totp(
    State(auth): State<AuthState>,
    By(Fresh(me), by): By<Fresh<Person>>,
    language: Language,
    _: NoQuery,
) -> Result<StatusCode, Problem> {
    let (session, notice) = (SessionId::new(me.session), auth.notice(language));
    let removed = auth.run(RemoveTotp { user: me.user, session, by, notice }).await.map_err(not_run)?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Get new recovery codes.
///
/// The old codes stop working. All other sessions of the user lose their level, and the user is told by mail.
#[utoipa::path(
    post,
    path = "/auth/recovery-codes",
    tag = "factors",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The new codes. Only this response contains them.", body = RecoveryCodesView),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no second factor."),
        (status = 409, description = "Recovery codes stand in for a second factor, and the user has none: `no_second_factor`."),
    )
)]
pub(crate) async fn renew_recovery_codes(
    State(auth): State<AuthState>,
    By(Fresh(me), by): By<Fresh<Person>>,
    language: Language,
    _: NoQuery,
) -> Result<Json<RecoveryCodesView>, Problem> {
    let new = NewRecoveryCodes::random(&auth.factor_keys, me.user).map_err(not_sealed)?;
    let (session, notice) = (SessionId::new(me.session), auth.notice(language));
    let renew = RenewRecoveryCodes { user: me.user, session, recovery: new.hashes, by, notice };
    auth.run(renew).await.map_err(not_run)?.map_err(conflict)?;
    Ok(Json(RecoveryCodesView { recovery_codes: new.shown }))
}

fn conflict(why: FactorConflict) -> Problem {
    let title = match why {
        FactorConflict::TotpEnrolled => "An authenticator app is enrolled already",
        FactorConflict::NoEnrolment => "No authenticator app waits for its first code",
        FactorConflict::NoSecondFactor => "The user has no second factor",
    };
    Problem::new(StatusCode::CONFLICT, why.code(), title).detail(why.to_string())
}

/// 503: the key file lacks a key.
pub(super) fn not_sealed(why: TokenError) -> Problem {
    tracing::error!(%why, "no authenticator app can be enrolled");
    Problem::unavailable(RETRY)
}
