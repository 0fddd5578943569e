//! Administrators see who is invited.

use crate::http::UsersState;
use auth_access::Administrator;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use kernel::{DomainError, Timestamp};
use persistence::{Db, SqlError, SqlTimestamp, fetch_all, fetch_optional, sql};
use serde::Serialize;
use std::str::FromStr;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cursor, Json, NoQuery, Page, Paging, PathId, Problem, Query, Resource, View, unavailable};

/// An invitation to register.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(title = "Invitation", example = json!({
    "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "email": "ada@example.org", "role": "user", "language": "de",
    "status": "pending", "invited_by": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8092",
    "created_at": "2026-09-21T14:13:20.123456Z", "expires_at": "2026-09-28T14:13:20.123456Z",
}))]
pub(crate) struct InvitationView {
    /// The id of the invitation.
    id: Uuid,
    /// The address of the person. Absent after the user who accepted was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Email, max_length = 254, nullable = false)]
    email: Option<String>,
    /// The role of the new user.
    #[schema(pattern = "^(user|admin)$")]
    role: String,
    /// The language of the mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 20)]
    language: Option<String>,
    /// `pending`, `accepted`, `revoked` or `expired`.
    #[schema(pattern = "^(pending|accepted|revoked|expired)$")]
    status: String,
    /// The administrator who invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invited_by: Option<Uuid>,
    /// The user who accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<Uuid>,
    /// When the person was invited.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until when the links work.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When the person accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    accepted_at: Option<Timestamp>,
    /// When an administrator revoked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    revoked_at: Option<Timestamp>,
}

impl InvitationView {
    pub(crate) fn answer(self) -> Response {
        ([(CACHE_CONTROL, "no-store")], Json(self)).into_response()
    }
}

/// The state of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InvitationStatus {
    Pending,
    Accepted,
    Revoked,
    Expired,
}

#[derive(Debug, thiserror::Error)]
#[error("must be pending, accepted, revoked or expired")]
struct NotAnInvitationStatus;

impl DomainError for NotAnInvitationStatus {
    fn code(&self) -> &'static str {
        "filter_invalid"
    }
}

impl InvitationStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for InvitationStatus {
    type Err = NotAnInvitationStatus;

    fn from_str(text: &str) -> Result<Self, NotAnInvitationStatus> {
        let all = [Self::Pending, Self::Accepted, Self::Revoked, Self::Expired];
        all.into_iter().find(|status| status.as_str() == text).ok_or(NotAnInvitationStatus)
    }
}

/// List invitations, the latest first.
///
/// For administrators. An invitation is listed until 30 days after it expires.
#[utoipa::path(
    get,
    path = "/invitations",
    tag = "users",
    security(("bearer" = [])),
    params(
        ("limit" = Option<i64>, Query, description = "The maximum number of invitations to return.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page.", max_length = 100),
        ("status" = Option<String>, Query, description = "Return only invitations with this status.", pattern = "^(pending|accepted|revoked|expired)$"),
    ),
    responses(
        (status = 200, description = "Invitations.", body = Page<InvitationView>, headers(
            ("Link" = String, description = "The next page (RFC 8288)."),
        ), example = json!({
            "data": [{
                "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "email": "ada@example.org", "role": "user",
                "status": "pending", "created_at": "2026-09-21T14:13:20.123456Z",
                "expires_at": "2026-09-28T14:13:20.123456Z",
            }],
            "next_cursor": null,
        })),
        (status = 403, description = "The caller is not an administrator."),
    )
)]
pub(crate) async fn get_invitations(
    State(state): State<UsersState>,
    _: Administrator,
    mut query: Query,
) -> Result<Response, Problem> {
    let paging = Paging::read(&mut query);
    let status = query.optional("status", str::parse::<InvitationStatus>);
    query.finish(Some(()))?;
    let rows = list(&state.db, status, paging).await.map_err(unavailable)?;
    let page = Page::new(rows, paging, |view| Cursor { at: view.created_at, id: view.id });
    let limit = paging.limit.to_string();
    let pairs = [("limit", Some(limit.as_str())), ("status", status.map(InvitationStatus::as_str))];
    let pairs: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let mut answer = page.answer("/invitations", &pairs)?;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Read an invitation.
///
/// For administrators.
#[utoipa::path(
    get,
    path = "/invitations/{id}",
    tag = "users",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The invitation's id.")),
    responses(
        (status = 200, description = "The invitation.", body = InvitationView),
        (status = 403, description = "The caller is not an administrator."),
        (status = 404, description = "There is no such invitation, or it expired more than 30 days ago."),
    )
)]
pub(crate) async fn get_invitation(
    State(state): State<UsersState>,
    _: Administrator,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Response, Problem> {
    Ok(whole(&state.db, id).await?.answer())
}

/// The view of one invitation.
///
/// # Errors
/// 404 if there is none, 503 if the database does not answer.
pub(crate) async fn whole(db: &Db, id: Uuid) -> Result<InvitationView, Problem> {
    let mut db = db.read().await.map_err(unavailable)?;
    let found = fetch_optional!(&mut db, Row, sql!(BEFORE_STATUS, STATUS, AFTER_STATUS, "where id = $1"), id)
        .map_err(unavailable)?;
    found.map(InvitationView::from).ok_or_else(Problem::not_found)
}

impl View for InvitationView {
    type State = UsersState;
    type Body = Self;

    const RESOURCE: Resource = Resource { kind: "invitation", path: "/invitations" };

    async fn show(state: &UsersState, invitation: Uuid) -> Result<Response, Problem> {
        Ok(whole(&state.db, invitation).await?.answer())
    }
}

/// The invitations of a user, also those to their address that they have not accepted.
pub(crate) async fn of_user(db: &mut persistence::Read, user: Uuid) -> Result<Vec<InvitationView>, SqlError> {
    let sql = sql!(
        BEFORE_STATUS,
        STATUS,
        AFTER_STATUS,
        "where (user_id = $1 and accepted_at is not null) or email_canonical in \
         (select email_canonical from users_users where id = $1) order by created_at desc, id desc"
    );
    Ok(fetch_all!(db, Row, sql, user)?.into_iter().map(InvitationView::from).collect())
}

type Row = (
    Uuid,
    Option<String>,
    String,
    Option<String>,
    String,
    Option<Uuid>,
    Uuid,
    SqlTimestamp,
    SqlTimestamp,
    Option<SqlTimestamp>,
    Option<SqlTimestamp>,
);

/// The SQL statement before its conditions, in three parts.
const BEFORE_STATUS: &str = "select id, email, role, language,";
const STATUS: &str = "case when accepted_at is not null then 'accepted' when revoked_at is not null then 'revoked' \
     when expires_at <= {clock} then 'expired' else 'pending' end";
const AFTER_STATUS: &str =
    ", invited_by, user_id, created_at, expires_at, accepted_at, revoked_at from users_invitations";

/// One more invitation than the page has, if there are more.
async fn list(db: &Db, status: Option<InvitationStatus>, paging: Paging) -> Result<Vec<InvitationView>, SqlError> {
    let sql = sql!(
        BEFORE_STATUS,
        STATUS,
        AFTER_STATUS,
        "where (created_at, id) < ($1, $2) and ($3 is null or $3 =",
        STATUS,
        ") order by created_at desc, id desc limit $4"
    );
    let Cursor { at, id } = paging.before();
    let status = status.map(InvitationStatus::as_str);
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, SqlTimestamp(at), id, status, paging.limit + 1)?;
    Ok(rows.into_iter().map(InvitationView::from).collect())
}

impl From<Row> for InvitationView {
    fn from(row: Row) -> Self {
        let (id, email, role, language, status, invited_by, user, created_at, expires_at, accepted, revoked) = row;
        Self {
            id,
            email,
            role,
            language,
            status,
            invited_by,
            user_id: accepted.is_some().then_some(user),
            created_at: created_at.0,
            expires_at: expires_at.0,
            accepted_at: accepted.map(|at| at.0),
            revoked_at: revoked.map(|at| at.0),
        }
    }
}
