//! Reads the keys of other services.

use crate::AuthState;
use auth_access::Administrator;
use auth_application::TokenHash;
use auth_domain::Scopes;
use axum::extract::State;
use axum::response::Response;
use kernel::Timestamp;
use persistence::{Db, SqlError, SqlTimestamp, fetch_all, fetch_optional, sql};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cursor, Page, Paging, Problem, Query, unavailable};

/// A service key, without the key itself, which only the response to its creation contains.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "ServiceKey")]
pub struct ServiceKeyView {
    /// The id of the key.
    pub id: Uuid,
    /// The name of the service.
    #[schema(max_length = 100)]
    pub name: String,
    /// The scopes, separated by spaces.
    #[schema(max_length = 100, example = "introspect audit:read")]
    pub scope: String,
    /// When the key was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the key expires.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Who created the key: `user:` with an id, or `operator`. Absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 50)]
    pub created_by: Option<String>,
}

/// List the valid service keys, the latest first. For administrators.
#[utoipa::path(
    get,
    path = "/auth/service-keys",
    tag = "services",
    security(("bearer" = [])),
    params(
        ("limit" = Option<i64>, Query, description = "The maximum number of keys to return.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page.", max_length = 100),
    ),
    responses(
        (status = 200, description = "The valid service keys.", body = Page<ServiceKeyView>, headers(
            ("Link" = String, description = "The next page (RFC 8288)."),
        ), example = json!({
            "data": [{
                "id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "orders", "scope": "introspect",
                "created_at": "2026-09-21T14:13:20.123456Z", "expires_at": "2026-12-20T14:13:20.123456Z",
                "created_by": "user:0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091",
            }],
            "next_cursor": null,
        })),
        (status = 403, description = "The caller is not an administrator."),
    )
)]
pub(crate) async fn get_service_keys(
    State(auth): State<AuthState>,
    _: Administrator,
    mut query: Query,
) -> Result<Response, Problem> {
    let paging = Paging::read(&mut query);
    query.finish(Some(()))?;
    let rows = find(&auth.db, paging).await.map_err(unavailable)?;
    let page = Page::new(rows, paging, |view| Cursor { at: view.created_at, id: view.id });
    page.answer("/auth/service-keys", &[("limit", &paging.limit.to_string())])
}

/// The SQL condition that a key is valid. One that was created over a minute from now was written while the clock was
/// ahead. It counts as expired, because it would last too long.
const IS_VALID: &str = "revoked_at is null and created_at < {clock} + {1 min} and expires_at > {clock}";

/// All valid keys, the latest first.
///
/// # Errors
/// If the database does not answer.
pub async fn all(db: &Db) -> Result<Vec<ServiceKeyView>, SqlError> {
    find(db, Paging { limit: i64::from(u32::MAX), after: None }).await
}

/// A page of the valid keys, the latest first.
pub(crate) async fn find(db: &Db, paging: Paging) -> Result<Vec<ServiceKeyView>, SqlError> {
    let sql = sql!(
        "select id, name, scopes, created_at, expires_at, created_by from auth_service_keys where",
        IS_VALID,
        "and (created_at, id) < ($1, $2) order by created_at desc, id desc limit $3"
    );
    let Cursor { at, id } = paging.before();
    let at = SqlTimestamp(at);
    let mut db = db.read().await?;
    Ok(fetch_all!(&mut db, Row, sql, at, id, paging.limit + 1)?.into_iter().map(ServiceKeyView::from_row).collect())
}

type Row = (Uuid, String, String, SqlTimestamp, SqlTimestamp, Option<String>);

impl ServiceKeyView {
    fn from_row((id, name, scope, created_at, expires_at, created_by): Row) -> Self {
        Self { id, name, scope, created_at: created_at.0, expires_at: expires_at.0, created_by }
    }
}

/// The valid keys whose creator is no longer an active administrator.
///
/// # Errors
/// If the database does not answer.
pub async fn orphaned(db: &Db) -> Result<Vec<ServiceKeyView>, SqlError> {
    let sql = sql!(
        postgres: "select id, name, scopes, created_at, expires_at, created_by from auth_service_keys k \
         where revoked_at is null and expires_at > {clock} and created_by like 'user:%' \
         and not exists (select 1 from auth_accounts a where a.role = 'admin' and a.disabled_at is null \
          and k.created_by = 'user:' || a.user_id::text) order by created_at, id";
        sqlite: "select id, name, scopes, created_at, expires_at, created_by from auth_service_keys k \
         where revoked_at is null and expires_at > {clock} and created_by like 'user:%' \
         and not exists (select 1 from auth_accounts a where a.role = 'admin' and a.disabled_at is null \
          and replace(k.created_by, '-', '') = 'user:' || lower(hex(a.user_id))) order by created_at, id"
    );
    let mut db = db.read().await?;
    Ok(fetch_all!(&mut db, Row, sql)?.into_iter().map(ServiceKeyView::from_row).collect())
}

/// The id and the scopes of a valid key. `None` also for a key with a scope that this version does not know.
pub(crate) async fn scopes_of(db: &Db, hash: &TokenHash) -> Result<Option<(Uuid, Scopes)>, SqlError> {
    let sql = sql!("select id, scopes from auth_service_keys where hash = $1 and", IS_VALID);
    let mut db = db.read().await?;
    let found = fetch_optional!(&mut db, (Uuid, String), sql, &hash.0[..])?;
    Ok(found.and_then(|(key, scopes)| Some((key, scopes.parse().ok()?))))
}
