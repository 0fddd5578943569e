//! What somebody may do.

use super::by::By;
use crate::AuthState;
use crate::unit_of_work::not_run;
use auth_application::SetRole;
use axum::extract::State;
use axum::http::StatusCode;
use kernel::{DomainError as _, UserId};
use utoipa::ToSchema;
use web::{Administrator, Fields, NoQuery, PathId, Problem, Violation};

/// A role.
#[derive(ToSchema)]
#[schema(title = "RoleOf", example = json!({ "role": "admin" }))]
#[expect(dead_code, reason = "it describes the body, which is read field by field to find every violation")]
pub(crate) struct RoleChange {
    /// `user` or `admin`.
    #[schema(pattern = "^(user|admin)$", max_length = 5)]
    role: String,
}

/// Say what somebody may do. For administrators.
///
/// It holds from their next request on. The last administrator stays one.
#[utoipa::path(
    put,
    path = "/auth/roles/{id}",
    tag = "auth",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The user's id.")),
    request_body = RoleChange,
    responses(
        (status = 204, description = "So it is."),
        (status = 403, description = "You are no administrator.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such user.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "They are the last administrator: `last_administrator`.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It could be read, and is refused: every violation with its pointer.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn set_role(
    State(auth): State<AuthState>,
    By(Administrator(_), by): By<Administrator>,
    PathId(id): PathId,
    _: NoQuery,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let role = fields.required("role", str::parse);
    let role = fields.finish(role)?;
    let set = SetRole { by, user: UserId::new(id), role };
    match auth.run(set).await.map_err(not_run)?.ok_or_else(Problem::not_found)? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(why) => {
            let title = "It conflicts with what exists";
            let refusal = Violation::new("/role", why.code(), why.to_string());
            Err(Problem::new(StatusCode::CONFLICT, why.code(), title).violations(vec![refusal]))
        }
    }
}
