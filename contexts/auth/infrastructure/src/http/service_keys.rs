//! Administrators create and revoke the keys of other services.

use super::by::By;
use super::state::no_token;
use super::tokens::expose;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use crate::tokens::{OpaqueToken, TokenKind};
use auth_access::{Administrator, Fresh};
use auth_application::{CreateServiceKey, RevokeServiceKey};
use auth_domain::{Days, Scopes, ServiceKeyId, ServiceName};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kernel::{Secret, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Fields, Json, NoQuery, OrElse, PathId, Problem, RequestBody as _};

web::body! {
    /// The service key to create.
    #[schema(title = "NewServiceKey", example = json!({ "name": "orders", "scope": "introspect", "days": 90 }))]
    pub(crate) struct NewServiceKey {
        /// The name of the service that gets the key.
        #[schema(min_length = 1, max_length = 100)]
        name: required ServiceName = ServiceName::parse,
        /// What the key allows: one or more of `introspect`, `audit:read` and `users:read`, separated by spaces.
        #[schema(pattern = "^(introspect|audit:read|users:read)( (introspect|audit:read|users:read))*$", max_length = 100)]
        scope: required Scopes = str::parse,
        /// The lifetime in days. The default is 90.
        #[schema(minimum = 1, maximum = 366)]
        days: number Days = Days::parse,
    }
}

/// A new service key. This is the only response that contains the key itself.
#[derive(Serialize, ToSchema)]
#[schema(title = "CreatedServiceKey", example = json!({
    "id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "orders", "scope": "introspect",
    "expires_at": "2026-12-20T14:13:20.123456Z", "key": "rk_DJSQk31TJ6Kz60K2acwAl54vCupGKkxLwGBcMzObk44",
}))]
pub(crate) struct CreatedServiceKey {
    /// The id of the key.
    id: Uuid,
    /// The name of the service.
    #[schema(max_length = 100)]
    name: String,
    /// The scopes, separated by spaces.
    #[schema(max_length = 100)]
    scope: String,
    /// When the key expires.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The key. The service sends it as `Authorization: Bearer …`. Store it now: the server keeps only a hash of it.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, min_length = 46, max_length = 46)]
    key: Secret,
}

/// Create a service key. For administrators.
#[utoipa::path(
    post,
    path = "/auth/service-keys",
    tag = "services",
    security(("bearer" = [])),
    request_body = NewServiceKey,
    responses(
        (status = 201, description = "The server has created the key. Only this response contains it.", body = CreatedServiceKey),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "The caller is not an administrator."),
    )
)]
pub(crate) async fn create_service_key(
    State(auth): State<AuthState>,
    By(_, by): By<Fresh<Administrator>>,
    _: NoQuery,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let NewServiceKey { name, scope, days } = NewServiceKey::read(&mut fields);
    let (name, scopes) = fields.finish(name.zip(scope))?;
    let days = days.unwrap_or_default();
    let key = OpaqueToken::random(TokenKind::ServiceKey).map_err(no_token)?;
    let create = CreateServiceKey { by: by.clone(), name, scopes, days, hash: key.hash };
    let created = auth.run(create).await.map_err(not_run)?;
    let shown = CreatedServiceKey {
        id: created.id.as_uuid(),
        name: created.name.as_str().to_owned(),
        scope: created.scopes.to_string(),
        expires_at: created.expires_at,
        key: key.text,
    };
    let answer = (StatusCode::CREATED, Json(shown));
    Ok(OrElse(answer, async move {
        // The client has hung up, and the key cannot be read again: revoke it.
        let revoke = RevokeServiceKey { by, key: created.id };
        if let Err(why) = auth.run(revoke).await {
            tracing::warn!(%why, key = %created.id, "could not revoke a service key whose response reached no client: revoke it by hand");
        }
    })
    .into_response())
}

/// Revoke a service key. For administrators.
#[utoipa::path(
    delete,
    path = "/auth/service-keys/{id}",
    tag = "services",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The key's id.")),
    responses(
        (status = 204, description = "The key has been revoked."),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "The caller is not an administrator."),
        (status = 404, description = "There is no such key, or it is revoked already."),
    )
)]
pub(crate) async fn revoke_service_key(
    State(auth): State<AuthState>,
    By(_, by): By<Fresh<Administrator>>,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<StatusCode, Problem> {
    let revoke = RevokeServiceKey { by, key: ServiceKeyId::new(id) };
    let revoked = auth.run(revoke).await.map_err(not_run)?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
