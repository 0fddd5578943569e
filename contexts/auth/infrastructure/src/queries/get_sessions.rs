//! A person reads their own sessions.

use super::IS_LIVE;
use crate::AuthState;
use auth_access::Person;
use axum::extract::State;
use axum::response::Response;
use kernel::Timestamp;
use persistence::{Db, SqlError, SqlTimestamp, fetch_all, sql};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cursor, Page, Paging, Problem, Query, unavailable};

/// A session: one device or program on which a user is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Session")]
pub(crate) struct SessionView {
    /// The id of the session.
    id: Uuid,
    /// When the user signed in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the tokens were last refreshed.
    #[schema(value_type = String, format = DateTime)]
    refreshed_at: Timestamp,
    /// When the session ends, however often it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The network address of the last sign-in or refresh.
    #[schema(max_length = 45)]
    address: String,
    /// Whether this request belongs to the session.
    is_current: bool,
}

type Row = (Uuid, SqlTimestamp, SqlTimestamp, SqlTimestamp, String);

/// List your sessions, the latest first.
#[utoipa::path(
    get,
    path = "/auth/sessions",
    tag = "auth",
    security(("bearer" = [])),
    params(
        ("limit" = Option<i64>, Query, description = "The maximum number of sessions to return.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page.", max_length = 100),
    ),
    responses(
        (status = 200, description = "Your live sessions.", body = Page<SessionView>, headers(
            ("Link" = String, description = "The next page (RFC 8288)."),
        ), example = json!({
            "data": [{
                "id": "01890a5d-ac96-774b-bcce-b302099a8057", "created_at": "2026-09-21T14:13:20.123456Z",
                "refreshed_at": "2026-09-21T14:18:11.000042Z", "expires_at": "2026-10-21T14:13:20.123456Z",
                "address": "203.0.113.7", "is_current": true,
            }],
            "next_cursor": null,
        })),
        (status = 403, description = "Service keys have no sessions."),
    )
)]
pub(crate) async fn get_sessions(
    State(auth): State<AuthState>,
    me: Person,
    mut query: Query,
) -> Result<Response, Problem> {
    let paging = Paging::read(&mut query);
    query.finish(Some(()))?;
    let rows = find(&auth.db, me.user.as_uuid(), paging).await.map_err(unavailable)?;
    let views = rows.into_iter().map(|(id, created_at, refreshed_at, expires_at, address)| SessionView {
        id,
        created_at: created_at.0,
        refreshed_at: refreshed_at.0,
        expires_at: expires_at.0,
        address,
        is_current: id == me.session,
    });
    let page = Page::new(views.collect(), paging, |view| Cursor { at: view.created_at, id: view.id });
    page.answer("/auth/sessions", &[("limit", &paging.limit.to_string())])
}

async fn find(db: &Db, user: Uuid, paging: Paging) -> Result<Vec<Row>, SqlError> {
    let sql = sql!(
        "select id, opened_at, refreshed_at, expires_at, address from auth_sessions where user_id = $1 and",
        IS_LIVE,
        "and (opened_at, id) < ($2, $3) order by opened_at desc, id desc limit $4"
    );
    let Cursor { at, id } = paging.before();
    let at = SqlTimestamp(at);
    let mut db = db.read().await?;
    fetch_all!(&mut db, Row, sql, user, at, id, paging.limit + 1)
}
