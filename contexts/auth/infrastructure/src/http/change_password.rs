//! The old password for a new one.

use super::by::By;
use crate::AuthService;
use crate::auth_service::unavailable;
use crate::login_throttle::{LoginAttempt, identifier_of};
use crate::normalization::normalised;
use auth_application::{Authority, ChangePassword, RefusePasswordChange};
use auth_domain::SessionId;
use axum::extract::State;
use axum::http::StatusCode;
use kernel::{DomainError as _, Secret};
use utoipa::ToSchema;
use web::{Client, Fields, NoQuery, Person, Problem, Violation};

/// The password that somebody has, and the one that they want.
#[derive(ToSchema)]
#[schema(title = "PasswordChange", example = json!({
    "current_password": "correct horse battery staple", "new_password": "another horse, another staple",
}))]
#[expect(dead_code, reason = "it describes the body, which is read field by field to find every violation")]
pub(crate) struct PasswordChange {
    /// As they sign in with it now.
    #[schema(format = Password, min_length = 1, max_length = 1024)]
    current_password: String,
    /// As for a registration, and not the current one.
    #[schema(format = Password, min_length = 15, max_length = 1024)]
    new_password: String,
}

/// Change your password.
///
/// All your other sessions end.
#[utoipa::path(
    post,
    path = "/auth/password",
    tag = "auth",
    security(("bearer" = [])),
    request_body = PasswordChange,
    responses(
        (status = 204, description = "Changed."),
        (status = 403, description = "Another service has no password.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "You are not a user any more.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong passwords: see `Retry-After`.", body = Problem, content_type = "application/problem+json", headers(
            ("Retry-After" = i64, description = "Seconds until one more is looked at."),
        )),
        (status = 409, description = "It was changed by somebody else meanwhile.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It could be read, and is refused: every violation with its pointer.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_password(
    State(auth): State<AuthService>,
    By(me, by): By<Person>,
    from: Client,
    _: NoQuery,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let (current, new) = (fields.secret("current_password"), fields.secret("new_password"));
    let identifier =
        identifier_of(&auth.db, me.user).await.map_err(web::unavailable)?.ok_or_else(Problem::not_found)?;
    for flaw in new.iter().flat_map(|new| auth.policy.check(normalised(new).expose(), Some(&identifier), None)) {
        fields.refuse("new_password", flaw.code(), flaw.to_string());
    }
    // In the form in which they are hashed: a thief of the old one must not know the new one.
    if current.as_ref().zip(new.as_ref()).is_some_and(|(current, new)| is_same(current, new)) {
        fields.refuse("new_password", "same_password", "is the password that you have".to_owned());
    }
    let (current, new) = fields.finish(current.zip(new))?;
    let attempt = auth.begin_attempt(&identifier, &from).await?;
    let changed = change(&auth, &attempt, &me, by, &current, &new).await;
    auth.finish_attempt(attempt, changed).await
}

async fn change(
    auth: &AuthService,
    attempt: &LoginAttempt,
    me: &Person,
    by: Authority,
    current: &Secret,
    new: &Secret,
) -> Result<StatusCode, Problem> {
    let session = SessionId::new(me.session);
    let verify = auth.credentials.verify_of(me.user, current);
    let Some(verified) = auth.compare(attempt, current, verify).await? else {
        let refuse = RefusePasswordChange { user: me.user, session, by };
        auth.run(refuse).await.map_err(unavailable)?;
        let wrong = Violation::new("/current_password", "wrong_password", "is not your password");
        return Err(Problem::invalid(vec![wrong]));
    };
    let new = auth.credentials.hash(new).await.map_err(unavailable)?;
    let change = ChangePassword { verified, new, session, by };
    if auth.run(change).await.map_err(unavailable)? { Ok(StatusCode::NO_CONTENT) } else { Err(changed_meanwhile()) }
}

fn is_same(current: &Secret, new: &Secret) -> bool {
    normalised(current).expose() == normalised(new).expose()
}

fn changed_meanwhile() -> Problem {
    Problem::new(StatusCode::CONFLICT, "changed_meanwhile", "The password has been changed meanwhile")
}
