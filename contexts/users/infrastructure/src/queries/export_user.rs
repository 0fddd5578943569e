//! Exports everything that this program holds on a user.

use crate::http::UsersState;
use crate::queries::get_invitations::{self, InvitationView};
use crate::queries::get_user::{self, UserById, UserView};
use auth_access::OneselfOrAdministrator;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use axum::response::{IntoResponse as _, Response};
use identity::UserId;
use kernel::Timestamp;
use persistence::{BatchQuery as _, Db, SqlError, SqlTimestamp, fetch_all, fetch_optional};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, NoQuery, PathId, Problem, RateLimit, SubjectData, WithClient, unavailable};

const ROUTE: &str = "/users/{id}/export";

/// How often one person may ask for an export.
const EXPORTS: RateLimit = RateLimit { name: "users.exports", burst: 20, every: Duration::from_secs(60) };

/// Everything that the server holds on a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "UserExport")]
pub(crate) struct UserExport {
    /// The user.
    user_id: Uuid,
    /// When the data was read.
    #[schema(value_type = String, format = DateTime)]
    exported_at: Timestamp,
    /// What each part of the server holds on the user, by the part's name. A part that holds nothing is absent.
    #[schema(value_type = Object)]
    data: BTreeMap<&'static str, Value>,
}

/// What the context `users` holds on a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "ExportedUser")]
pub(crate) struct ExportedUser {
    /// The user, with all fields.
    user: UserView,
    /// The id in the system that the user was imported from; absent if the user registered here.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 200)]
    reference: Option<String>,
    /// The invitations that the user has accepted, or that went to the user's address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    invitations: Vec<InvitationView>,
    /// The registrations of the user's address that were not confirmed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pending_registrations: Vec<PendingView>,
}

/// A registration that waits for its confirmation.
#[derive(Debug, Serialize, ToSchema)]
struct PendingView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl SubjectData for ExportedUser {
    async fn read(db: &Db, id: Uuid) -> Result<Option<Self>, SqlError> {
        let mut read = db.read().await?;
        let Some((_, user)) = UserById::find(&mut read, &[id]).await?.pop() else { return Ok(None) };
        let reference = fetch_optional!(&mut read, (String,), "select ref from users_refs where user_id = $1", id)?;
        let invitations = get_invitations::of_user(&mut read, id).await?;
        let sql = "select name, created_at, expires_at from users_pending_registrations where email_canonical in \
             (select email_canonical from users_users where id = $1) order by created_at";
        let pending = fetch_all!(&mut read, (Option<String>, SqlTimestamp, SqlTimestamp), sql, id)?;
        let pending_registrations = pending
            .into_iter()
            .map(|(name, created, expires)| PendingView { name, created_at: created.0, expires_at: expires.0 })
            .collect();
        Ok(Some(Self { user, reference: reference.map(|(reference,)| reference), invitations, pending_registrations }))
    }
}

/// Export everything that the server holds on a user.
///
/// For the user and administrators. The audit log records each export. Secrets are left out: the password's hash, and
/// tokens.
#[utoipa::path(
    get,
    path = "/users/{id}/export",
    tag = "users",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The user's id.")),
    responses(
        (status = 200, description = "The data.", body = UserExport, headers(
            ("Content-Disposition" = String, description = "A name for the file."),
        ), example = json!({
            "user_id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "exported_at": "2026-09-21T14:13:20.123456Z",
            "data": {
                "users": { "user": {
                    "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "name": "Ada Lovelace",
                    "created_at": "2026-09-21T14:13:20.123456Z", "email": "ada@example.org", "email_verified": false,
                    "role": "user", "status": "active",
                } },
                "auth": {
                    "email": "ada@example.org", "email_verified": false, "role": "user", "has_password": true,
                    "totp_enrolled_at": null, "recovery_codes_left": 0, "passkeys": [],
                    "sessions": [], "devices": [], "audit_events": [],
                },
            },
        })),
        (status = 403, description = "Service keys may not export a user's data."),
        (status = 404, description = "There is no such user."),
        (status = 429, description = "Too many exports. Retry after the seconds in `Retry-After`."),
    )
)]
pub(crate) async fn export_user(
    State(state): State<UsersState>,
    WithClient(OneselfOrAdministrator(me), client): WithClient<OneselfOrAdministrator>,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Response, Problem> {
    get_user::whole(&state, id).await?;
    let _permit = state.commands.limits().acquire(&EXPORTS, me.user.as_uuid().as_bytes()).await?;
    state.auth.exports.record(me, UserId::new(id), ROUTE, &client).await?;
    let mut data = BTreeMap::new();
    for (name, export) in state.exports.iter() {
        if let Some(part) = export.read(&state.db, id).await.map_err(unavailable)? {
            data.insert(*name, part);
        }
    }
    let mut answer = Json(UserExport { user_id: id, exported_at: Timestamp::now(), data }).into_response();
    let file =
        HeaderValue::try_from(format!("attachment; filename=\"user-{id}.json\"")).map_err(|_| Problem::internal())?;
    answer.headers_mut().insert(CONTENT_DISPOSITION, file);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}
