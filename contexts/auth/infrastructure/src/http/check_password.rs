//! A form asks whether a password would be accepted, before it is sent.

use super::any_text;
use crate::AuthState;
use axum::extract::State;
use identity::Email;
use kernel::DomainError as _;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use web::{Client, Fields, Json, NoQuery, Problem, RateLimit, RequestBody as _, Violation};

/// Checks of one address. A form may check while a person types.
const FROM_ADDRESS: RateLimit =
    RateLimit { name: "auth.password_checks_from_address", burst: 60, every: Duration::from_secs(2) };

web::body! {
    /// A password, and what it must not be made of.
    #[schema(title = "PasswordToCheck", example = json!({
        "password": "correct horse battery staple", "email": "ada@example.org", "name": "Ada Lovelace",
    }))]
    pub(crate) struct PasswordToCheck {
        /// The password. The server neither stores nor logs it.
        #[schema(format = Password, max_length = 1024)]
        password: secret,
        /// The email address of the user who would have it.
        #[schema(format = Email, min_length = 3, max_length = 254)]
        email: optional Email = Email::parse,
        /// The name of the user.
        #[schema(max_length = 200)]
        name: optional String = any_text,
    }
}

/// Whether a password would be accepted.
#[derive(Serialize, ToSchema)]
#[schema(title = "CheckedPassword", example = json!({
    "acceptable": false,
    "violations": [{ "pointer": "/password", "code": "password_too_short", "message": "must have at least 15 characters" }],
}))]
pub(crate) struct CheckedPassword {
    /// Whether a registration or a change would accept the password.
    acceptable: bool,
    /// Every rule that the password violates.
    violations: Vec<Violation>,
}

/// Check a password against the rules, before a form is sent.
#[utoipa::path(
    post,
    path = "/auth/password/check",
    tag = "auth",
    request_body = PasswordToCheck,
    responses(
        (status = 200, description = "Whether the password would be accepted.", body = CheckedPassword),
        (status = 429, description = "Too many checks from this address. Retry after the seconds in `Retry-After`."),
    )
)]
pub(crate) async fn check_password(
    State(auth): State<AuthState>,
    from: Client,
    _: NoQuery,
    mut fields: Fields,
) -> Result<Json<CheckedPassword>, Problem> {
    let PasswordToCheck { password, email, name } = PasswordToCheck::read(&mut fields);
    let password = fields.finish(password)?;
    _ = auth.limits.acquire(&FROM_ADDRESS, &from.address.key()).await?;
    let flaws = auth.policy.flaws(&password, email.as_ref(), name.as_deref());
    let violations: Vec<_> =
        flaws.iter().map(|flaw| Violation::new("/password", flaw.code(), flaw.to_string())).collect();
    Ok(Json(CheckedPassword { acceptable: violations.is_empty(), violations }))
}
