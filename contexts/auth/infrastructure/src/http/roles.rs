//! An administrator sets the role of a user.

use super::by::By;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use auth_application::SetRole;
use axum::extract::State;
use axum::http::StatusCode;
use kernel::{DomainError as _, UserId};
use utoipa::ToSchema;
use web::{Administrator, Fields, NoQuery, PathId, Problem, Violation};

/// The new role of a user.
#[derive(ToSchema)]
#[schema(title = "RoleOf", example = json!({ "role": "admin" }))]
#[expect(dead_code, reason = "it describes the body, which is read field by field to find every violation")]
pub(crate) struct RoleChange {
    /// `user` or `admin`.
    #[schema(pattern = "^(user|admin)$", max_length = 5)]
    role: String,
}

/// Set the role of a user. For administrators.
///
/// The new role applies from the user's next request on. The last administrator cannot lose the role.
#[utoipa::path(
    put,
    path = "/auth/roles/{id}",
    tag = "auth",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The user's id.")),
    request_body = RoleChange,
    responses(
        (status = 204, description = "The role has been set."),
        (status = 403, description = "The caller is not an administrator.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such user.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The user is the last administrator: `last_administrator`.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Validation failed. `errors` lists every violation.", body = Problem, content_type = "application/problem+json"),
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
            let title = "The request conflicts with existing data";
            let refusal = Violation::new("/role", why.code(), why.to_string());
            Err(Problem::new(StatusCode::CONFLICT, why.code(), title).violations(vec![refusal]))
        }
    }
}
