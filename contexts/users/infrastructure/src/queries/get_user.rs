//! Reads a user. Anyone sees the id, the name and the time of registration; the user and administrators see the rest.

use crate::http::UsersState;
use auth_access::{Caller, Person};
use axum::Extension;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kernel::Timestamp;
use persistence::{BatchQuery, Read, SqlError, SqlTimestamp, UuidList, fetch_all, sql};
use serde::Serialize;
use use_case::Message as _;
use users_application::RegisterUser;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Bearer, ClientAddress, Commands, Deadline, ETag, Json, NoQuery, PathId, Prefer, Problem, Resource, View,
    unavailable,
};

/// A user.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(title = "User", example = json!({
    "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "name": "Ada Lovelace", "created_at": "2026-09-21T14:13:20.123456Z",
}))]
pub(crate) struct UserView {
    /// The user's id. It never changes.
    pub(crate) id: Uuid,
    /// The user's name, or null if none was given.
    #[schema(min_length = 1, max_length = 200, required = true)]
    name: Option<String>,
    /// When the user registered.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// The email address. Only the user and administrators see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Email, max_length = 254, nullable = false)]
    email: Option<String>,
    /// Whether the email address is verified. Only the user and administrators see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email_verified: Option<bool>,
    /// `user`, or `admin` for an administrator. A change of role shows here within seconds. Only the user and
    /// administrators see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(user|admin)$", nullable = false)]
    role: Option<String>,
    /// `active`, or `deactivated` if the user cannot sign in. Only the user and administrators see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(active|deactivated)$", nullable = false)]
    status: Option<&'static str>,
    /// When the user was deactivated; absent for an active user. Only the user and administrators see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    deactivated_at: Option<Timestamp>,
    #[serde(skip)]
    version: i64,
}

impl UserView {
    /// Removes what only the user and administrators may see.
    pub(crate) fn public(self) -> Self {
        // Names every field, so that a new field is shown to anyone or hidden on purpose.
        let Self { id, name, created_at, version, email: _, email_verified: _, role: _, status: _, deactivated_at: _ } =
            self;
        let (email, email_verified, role, status, deactivated_at) = (None, None, None, None, None);
        Self { id, name, created_at, version, email, email_verified, role, status, deactivated_at }
    }

    pub(crate) const fn version(&self) -> i64 {
        self.version
    }

    pub(crate) fn answer(self) -> Response {
        (self.headers(), Json(self)).into_response()
    }

    /// The headers that 200 would have had (RFC 9110, section 15.4.5).
    fn not_modified(&self) -> Response {
        (StatusCode::NOT_MODIFIED, self.headers()).into_response()
    }

    /// Public views may be cached and revalidated; a view with the email must not be stored.
    fn headers(&self) -> [(HeaderName, HeaderValue); 3] {
        [
            (CACHE_CONTROL, HeaderValue::from_static(if self.email.is_some() { "no-store" } else { "no-cache" })),
            (VARY, HeaderValue::from_static("Authorization")),
            (header::ETAG, self.tag().header()),
        ]
    }

    /// The version tag for a complete view. A public view gets a hash of its content: the version would reveal how
    /// often the user was deactivated.
    fn tag(&self) -> ETag {
        if self.email.is_some() {
            ETag::version(self.version.unsigned_abs())
        } else {
            ETag::of_content(&serde_json::to_vec(self).unwrap_or_default())
        }
    }
}

/// The columns of a complete view, in the order of [`UserRow`].
pub(crate) const USER_COLUMNS: &str = "id, name, registered_at, email, deactivated_at, version, role, email_verified";

pub(crate) type UserRow = (Uuid, Option<String>, SqlTimestamp, String, Option<SqlTimestamp>, i64, String, bool);

impl From<UserRow> for UserView {
    fn from((id, name, created_at, email, deactivated_at, version, role, email_verified): UserRow) -> Self {
        Self {
            id,
            name,
            created_at: created_at.0,
            email: Some(email),
            email_verified: Some(email_verified),
            role: Some(role),
            status: Some(if deactivated_at.is_some() { "deactivated" } else { "active" }),
            deactivated_at: deactivated_at.map(|at| at.0),
            version,
        }
    }
}

impl View for UserView {
    type State = UsersState;
    type Body = Self;

    const RESOURCE: Resource = Resource { kind: "user", path: "/users" };

    async fn show(state: &UsersState, user: Uuid) -> Result<Response, Problem> {
        Ok(whole(state, user).await?.answer())
    }
}

/// A user as anyone sees them.
pub(crate) struct PublicUser;

impl View for PublicUser {
    type State = UsersState;
    type Body = UserView;

    const RESOURCE: Resource = UserView::RESOURCE;

    async fn show(state: &UsersState, user: Uuid) -> Result<Response, Problem> {
        Ok(whole(state, user).await?.public().answer())
    }
}

/// Finds the complete views of many users.
pub(crate) struct UserById;

impl BatchQuery for UserById {
    type Key = Uuid;
    type Row = UserView;

    async fn find(read: &mut Read, ids: &[Uuid]) -> Result<Vec<(Uuid, UserView)>, SqlError> {
        let sql = sql!("select", USER_COLUMNS, "from users_users where id {in $1}");
        Ok(fetch_all!(read, UserRow, sql, UuidList(ids))?.into_iter().map(|row| (row.0, row.into())).collect())
    }
}

/// The complete view of a user.
///
/// # Errors
/// 404 if there is no such user, 503 if the database does not answer.
pub(crate) async fn whole(state: &UsersState, user: Uuid) -> Result<UserView, Problem> {
    state.users.load(user).await.map_err(unavailable)?.ok_or_else(Problem::not_found)
}

/// Read a user.
///
/// Anyone sees the user's id, name and time of registration. The user and administrators see everything.
/// With `Prefer: wait=N` the server waits for a registration of this id that is not finished yet.
#[utoipa::path(
    get,
    path = "/users/{id}",
    tag = "users",
    security((), ("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "The user's id."),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: the server waits up to N seconds, at most 30, for a registration of this id that is not finished yet (RFC 7240)."),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the copy that you have."),
    ),
    responses(
        (status = 200, description = "The user.", body = UserView, headers(
            ("ETag" = String, description = "The tag of this representation, for `If-None-Match`."),
        )),
        (status = 304, description = "Your copy is up to date."),
        (status = 404, description = "There is no such user."),
    )
)]
pub(crate) async fn get_user(
    State(state): State<UsersState>,
    (caller, bearer): (Caller, Option<Bearer>),
    PathId(id): PathId,
    prefer: Prefer,
    (Extension(deadline), Extension(client)): (Extension<Deadline>, Extension<ClientAddress>),
    headers: HeaderMap,
    _: NoQuery,
) -> Result<Response, Problem> {
    let mut found = state.users.load(id).await.map_err(unavailable)?;
    let waited = found.is_none()
        && registration_ended(&state.commands, id, prefer, &deadline, client).await.map_err(unavailable)?;
    if waited {
        found = state.users.load(id).await.map_err(unavailable)?;
    }
    let user = found.ok_or_else(Problem::not_found)?;
    let caller = match bearer {
        // The caller's rights may have changed during the wait.
        Some(bearer) if waited => bearer.sender().await?,
        _ => caller,
    };
    let user = if caller.sees_all_of(id) { user } else { user.public() };
    let mut answer = if user.tag().is_known_to(&headers) { user.not_modified() } else { user.answer() };
    if waited {
        prefer.applied(answer.headers_mut());
    }
    Ok(answer)
}

/// Read your own user.
#[utoipa::path(
    get,
    path = "/users/me",
    tag = "users",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Your user, with all fields.", body = UserView, headers(
            ("ETag" = String, description = "The tag of this representation."),
        )),
        (status = 403, description = "Service keys have no user."),
        (status = 404, description = "Your user no longer exists."),
    )
)]
pub(crate) async fn get_me(State(state): State<UsersState>, me: Person, _: NoQuery) -> Result<Response, Problem> {
    UserView::show(&state, me.user.as_uuid()).await
}

/// Waits for a pending registration of this id, if the client asked for that. Returns whether it has waited, and the
/// caller should read the user again.
async fn registration_ended(
    commands: &Commands,
    id: Uuid,
    prefer: Prefer,
    deadline: &Deadline,
    client: ClientAddress,
) -> Result<bool, SqlError> {
    let Some((_share, until)) = commands.wait(prefer, deadline, client) else { return Ok(false) };
    commands.ledger().ended_by("users", RegisterUser::NAME, id, until).await?;
    Ok(true)
}
