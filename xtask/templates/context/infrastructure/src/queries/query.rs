//! A user reads one of their own __context__.

use auth_access::Person;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use kernel::Timestamp;
use persistence::{Db, SqlError, SqlTimestamp, fetch_optional};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, NoQuery, PathId, Problem, Resource, RouteState, View, unavailable};

/// One __entity__.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "__Entity__", example = json!({
    "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091",
    "__field__": "an example", // each field
    "created_at": "2026-09-21T14:13:20.123456Z",
}))]
pub(crate) struct __Entity__View {
    /// Its id, which never changes.
    id: Uuid,
    /// The __field__. // each field
    #[schema(min_length = 1, max_length = 200)] // each field
    __field__: String, // each field
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(skip)]
    owner: Uuid,
}

impl __Entity__View {
    fn answer(self) -> Response {
        ([(CACHE_CONTROL, "no-store")], Json(self)).into_response()
    }
}

impl View for __Entity__View {
    type State = RouteState;
    type Body = Self;

    const RESOURCE: Resource = Resource { kind: "__entity__", path: "/__context__" };

    async fn show(state: &RouteState, id: Uuid) -> Result<Response, Problem> {
        let found = find(&state.db, id).await.map_err(unavailable)?;
        Ok(found.ok_or_else(Problem::not_found)?.answer())
    }
}

/// Read one of your __context__.
#[utoipa::path(
    get,
    path = "/__context__/{id}",
    tag = "__context__",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The id of the __entity__.")),
    responses(
        (status = 200, description = "The __entity__.", body = __Entity__View),
        (status = 403, description = "Service keys have no __context__."),
        (status = 404, description = "You have no such __entity__."),
    )
)]
pub(crate) async fn __query__(
    State(state): State<RouteState>,
    me: Person,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Response, Problem> {
    let found = find(&state.db, id).await.map_err(unavailable)?;
    let theirs = found.filter(|it| it.owner == me.user.as_uuid()).ok_or_else(Problem::not_found)?;
    Ok(theirs.answer())
}

type Row = (
    Uuid,
    SqlTimestamp,
    String, // each field
);

async fn find(db: &Db, id: Uuid) -> Result<Option<__Entity__View>, SqlError> {
    let sql = "select owner, created_at__columns__ from __context_____context__ where id = $1";
    let mut db = db.read().await?;
    let row = fetch_optional!(&mut db, Row, sql, id)?;
    Ok(row.map(|(
        owner,
        created_at,
        __field__, // each field
    )| __Entity__View {
        id,
        __field__, // each field
        created_at: created_at.0,
        owner,
    }))
}
