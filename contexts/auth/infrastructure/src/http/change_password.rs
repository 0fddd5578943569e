//! Change of a password.

use super::by::By;
use super::state::guess_failed;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use auth_access::{Confirmed, Person};
use auth_application::{ChangePassword, ChangePasswordError};
use auth_domain::SessionId;
use axum::extract::State;
use axum::http::StatusCode;
use kernel::DomainError as _;
use web::{Client, Fields, Language, NoQuery, Problem, RequestBody as _, Violation};

web::body! {
    /// The current password and the new one.
    #[schema(title = "PasswordChange", example = json!({
        "current_password": "correct horse battery staple", "new_password": "another horse, another staple",
    }))]
    pub(crate) struct PasswordChange {
        /// The current password.
        #[schema(format = Password, min_length = 1, max_length = 1024)]
        current_password: secret,
        /// The new password. It follows the same rules as at registration, and must differ from the current password.
        #[schema(format = Password, min_length = 15, max_length = 1024)]
        new_password: secret,
    }
}

/// Change your password.
///
/// The server ends all other sessions of the user, and tells the user by mail. A user with a second factor needs a fresh
/// session (`POST /auth/step-up`).
#[utoipa::path(
    post,
    path = "/auth/password",
    tag = "auth",
    security(("bearer" = [])),
    request_body = PasswordChange,
    responses(
        (status = 204, description = "The password has been changed."),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "Service keys have no password."),
        (status = 404, description = "The user no longer exists."),
        (status = 429, description = "Too many wrong passwords. Retry after the seconds in `Retry-After`."),
        (status = 409, description = "Another request changed the password at the same time. The password of this request is not stored."),
    )
)]
pub(crate) async fn change_password(
    State(auth): State<AuthState>,
    By(Confirmed(me), by): By<Confirmed<Person>>,
    from: Client,
    language: Language,
    _: NoQuery,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let PasswordChange { current_password: current, new_password: new } = PasswordChange::read(&mut fields);
    let email = auth.credentials.identifier_of(me.user).await.map_err(not_run)?.ok_or_else(Problem::not_found)?;
    // The use case checks the same again; here, so that the answer lists every violation of the body at once.
    for flaw in new.iter().flat_map(|new| auth.policy.flaws_of_change(new, current.as_ref(), &email)) {
        fields.refuse("new_password", flaw.code(), flaw.to_string());
    }
    let (current, new) = fields.finish(current.zip(new))?;
    let change = ChangePassword {
        user: me.user,
        session: SessionId::new(me.session),
        email: &email,
        current: &current,
        new: &new,
        address: from.address.ip(),
        by,
        notice: auth.notice(language),
    };
    change.execute(&auth.policy, &auth.password_ports()).await.map_err(|why| guess_failed(why, refused))?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(why: ChangePasswordError) -> Problem {
    match why {
        ChangePasswordError::Flawed(flaws) => Problem::invalid(
            flaws.iter().map(|flaw| Violation::new("/new_password", flaw.code(), flaw.to_string())).collect(),
        ),
        ChangePasswordError::WrongPassword => {
            Problem::invalid(vec![Violation::new("/current_password", "wrong_password", "is not your password")])
        }
        ChangePasswordError::ChangedMeanwhile => Problem::new(
            StatusCode::CONFLICT,
            "changed_meanwhile",
            "Another request has changed the password meanwhile",
        ),
    }
}
