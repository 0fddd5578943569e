//! An administrator sets the role of a user.

use super::by::By;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use auth_access::{Administrator, Fresh};
use auth_application::SetRole;
use auth_domain::Role;
use axum::extract::State;
use axum::http::StatusCode;
use identity::UserId;
use kernel::DomainError as _;
use web::{Fields, NoQuery, PathId, Problem, RequestBody as _, Violation};

web::body! {
    /// The new role of a user.
    #[schema(title = "RoleOf", example = json!({ "role": "admin" }))]
    pub(crate) struct RoleChange {
        /// `user` or `admin`.
        #[schema(pattern = "^(user|admin)$", max_length = 5)]
        role: required Role = str::parse,
    }
}

/// Set the role of a user. For administrators with a fresh session.
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
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "The caller is not an administrator."),
        (status = 404, description = "There is no such user."),
        (status = 409, description = "The user is the last administrator: `last_administrator`."),
    )
)]
pub(crate) async fn set_role(
    State(auth): State<AuthState>,
    By(_, by): By<Fresh<Administrator>>,
    PathId(id): PathId,
    _: NoQuery,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let RoleChange { role } = RoleChange::read(&mut fields);
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
