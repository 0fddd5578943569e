//! An administrator removes the second factors of a user who has lost them.

use super::by::By;
use super::forgot_password::link;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use auth_access::{Administrator, Fresh};
use auth_application::ResetFactors;
use auth_domain::ResetReason;
use axum::extract::State;
use axum::http::StatusCode;
use identity::UserId;
use kernel::DomainError as _;
use web::{Fields, Language, NoQuery, PathId, Problem, RequestBody as _, Violation};

web::body! {
    /// Why an administrator removes the second factors of a user.
    #[schema(title = "FactorReset", example = json!({ "reason": "lost the phone, called back on the number on file" }))]
    pub(crate) struct FactorReset {
        /// The reason. It stays in the audit log, so it should not name the user.
        #[schema(min_length = 1, max_length = 200)]
        reason: required ResetReason = ResetReason::parse,
    }
}

/// Remove all second factors of a user. For administrators with a fresh session.
///
/// The user's password stops working, too, and all sessions end: the user signs in again only after choosing a new password
/// by the link that this mails to them. So a caller who deceives an administrator still has to read those mails.
#[utoipa::path(
    delete,
    path = "/users/{id}/factors",
    tag = "factors",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The user's id.")),
    request_body = FactorReset,
    responses(
        (status = 204, description = "The factors are removed, and a mail is on its way."),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "The caller is not an administrator."),
        (status = 404, description = "There is no such user."),
        (status = 409, description = "The user is the last administrator: `last_administrator`."),
        (status = 503, description = "The server sends no mail (`mail_not_configured`), or its database does not answer."),
    )
)]
pub(crate) async fn reset_factors(
    State(auth): State<AuthState>,
    By(_, by): By<Fresh<Administrator>>,
    PathId(id): PathId,
    _: NoQuery,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    auth.mail.require_mail()?;
    let FactorReset { reason } = FactorReset::read(&mut fields);
    let reason = fields.finish(reason)?;
    // In the language of the installation: the administrator's need not be the user's.
    let (link, notice) = (link(&auth, None)?, auth.notice(Language(None)));
    let reset = ResetFactors { user: UserId::new(id), reason, link: Some(link), by, notice };
    match auth.run(reset).await.map_err(not_run)?.ok_or_else(Problem::not_found)? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(why) => {
            let title = "The request conflicts with existing data";
            let refusal = Violation::new("", why.code(), why.to_string());
            Err(Problem::new(StatusCode::CONFLICT, why.code(), title).violations(vec![refusal]))
        }
    }
}
