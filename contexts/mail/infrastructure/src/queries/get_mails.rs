//! Administrators see which mails were sent, and what the mail server said.

use crate::http::MailState;
use auth_access::Administrator;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use kernel::Timestamp;
use mail_domain::DeliveryStatus;
use persistence::{Db, SqlError, SqlTimestamp, fetch_all, fetch_optional, sql};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cursor, Json, NoQuery, Page, Paging, PathId, Problem, Query, Resource, View, parse_id, unavailable};

/// One mail. Its text is not kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(title = "Mail", example = json!({
    "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "template": "reset_password", "to": "ada@example.org",
    "user_id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8092", "language": "de", "status": "queued", "attempts": 1,
    "created_at": "2026-09-21T14:13:20.123456Z", "next_attempt_at": "2026-09-21T14:13:21.123456Z",
    "last_answer": "(451): 4.3.2 try again later",
}))]
pub struct MailView {
    /// The id of the mail. Its `Message-ID` is made of it.
    pub id: Uuid,
    /// What the mail says, such as `reset_password`.
    #[schema(max_length = 50)]
    pub template: String,
    /// The recipient.
    #[schema(max_length = 254)]
    pub to: String,
    /// The user that the mail concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_id: Option<Uuid>,
    /// The language that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 20)]
    pub language: Option<String>,
    /// `queued`; `sent`, when the mail server has taken it; `failed`, when the server has refused it for good, or has not
    /// taken it for a day; `suppressed`, when it was not sent because the recipient has had too many of its kind.
    #[schema(pattern = "^(queued|sent|failed|suppressed)$")]
    pub status: String,
    /// How often the mail was handed to the server.
    #[schema(minimum = 0)]
    pub attempts: i64,
    /// When the mail was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the next attempt is due, while it is queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub next_attempt_at: Option<Timestamp>,
    /// When the delivery ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub finished_at: Option<Timestamp>,
    /// The last reply of the mail server, or what went wrong instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 500)]
    pub last_answer: Option<String>,
}

impl MailView {
    pub(crate) fn answer(self) -> Response {
        ([(CACHE_CONTROL, "no-store")], Json(self)).into_response()
    }
}

/// Which mails to return. A filter that is `None` matches every mail.
#[derive(Default)]
pub struct MailFilter {
    pub status: Option<DeliveryStatus>,
    /// The canonical form of the recipient's address.
    pub to: Option<String>,
    pub user: Option<Uuid>,
}

/// List mails, the latest first.
///
/// For administrators. A mail is listed for 30 days.
#[utoipa::path(
    get,
    path = "/mails",
    tag = "mail",
    security(("bearer" = [])),
    params(
        ("limit" = Option<i64>, Query, description = "The maximum number of mails to return.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page.", max_length = 100),
        ("status" = Option<String>, Query, description = "Return only mails with this status.", pattern = "^(queued|sent|failed|suppressed)$"),
        ("to" = Option<String>, Query, description = "Return only mails to this address, in any spelling.", max_length = 254),
        ("user_id" = Option<Uuid>, Query, description = "Return only mails that concern this user."),
    ),
    responses(
        (status = 200, description = "Mails.", body = Page<MailView>, headers(
            ("Link" = String, description = "The next page (RFC 8288)."),
        ), example = json!({
            "data": [{
                "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "template": "reset_password", "to": "ada@example.org",
                "status": "sent", "attempts": 1, "created_at": "2026-09-21T14:13:20.123456Z",
                "finished_at": "2026-09-21T14:13:20.523456Z", "last_answer": "250 2.0.0 queued",
            }],
            "next_cursor": null,
        })),
        (status = 403, description = "The caller is not an administrator."),
    )
)]
pub(crate) async fn get_mails(
    State(state): State<MailState>,
    _: Administrator,
    mut query: Query,
) -> Result<Response, Problem> {
    let paging = Paging::read(&mut query);
    let filter = MailFilter {
        status: query.optional("status", DeliveryStatus::parse),
        to: query.optional("to", identity::Email::parse).map(|to| to.canonical().to_owned()),
        user: query.optional("user_id", parse_id),
    };
    query.finish(Some(()))?;
    let rows = list(&state.db, &filter, paging).await.map_err(unavailable)?;
    let page = Page::new(rows, paging, |view| Cursor { at: view.created_at, id: view.id });
    let (limit, user) = (paging.limit.to_string(), filter.user.map(|user| user.to_string()));
    let pairs = [
        ("limit", Some(limit.as_str())),
        ("status", filter.status.map(DeliveryStatus::as_str)),
        ("to", filter.to.as_deref()),
        ("user_id", user.as_deref()),
    ];
    let pairs: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let mut answer = page.answer("/mails", &pairs)?;
    answer.headers_mut().insert(CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Read a mail.
///
/// For administrators.
#[utoipa::path(
    get,
    path = "/mails/{id}",
    tag = "mail",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The mail's id.")),
    responses(
        (status = 200, description = "The mail.", body = MailView),
        (status = 403, description = "The caller is not an administrator."),
        (status = 404, description = "There is no such mail, or it is older than 30 days."),
    )
)]
pub(crate) async fn get_mail(
    State(state): State<MailState>,
    _: Administrator,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Response, Problem> {
    Ok(whole(&state.db, id).await?.answer())
}

/// The view of one mail.
///
/// # Errors
/// 404 if there is none, 503 if the database does not answer.
pub(crate) async fn whole(db: &Db, id: Uuid) -> Result<MailView, Problem> {
    find(db, id).await.map_err(unavailable)?.ok_or_else(Problem::not_found)
}

impl View for MailView {
    type State = MailState;
    type Body = Self;

    const RESOURCE: Resource = Resource { kind: "mail", path: "/mails" };

    async fn show(state: &MailState, mail: Uuid) -> Result<Response, Problem> {
        Ok(whole(&state.db, mail).await?.answer())
    }
}

type Row = (
    Uuid,
    String,
    String,
    Option<Uuid>,
    Option<String>,
    String,
    i64,
    SqlTimestamp,
    Option<SqlTimestamp>,
    Option<SqlTimestamp>,
    Option<String>,
);

/// The SQL statement before its conditions.
const MAILS: &str = "select id, template, recipient, user_id, language, status, attempts, created_at, next_attempt_at, \
     finished_at, last_answer from mail_mails where";

/// A mail; `None` if there is none.
///
/// # Errors
/// If the database does not answer.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<MailView>, SqlError> {
    let mut db = db.read().await?;
    Ok(fetch_optional!(&mut db, Row, sql!(MAILS, "id = $1"), id)?.map(MailView::from_row))
}

/// One more mail than the page has, if there are more.
///
/// # Errors
/// If the database does not answer.
pub async fn list(db: &Db, filter: &MailFilter, paging: Paging) -> Result<Vec<MailView>, SqlError> {
    const FILTERED: &str = "and (created_at, id) < ($1, $2) and ($3 is null or status = $3) \
         and ($4 is null or recipient_canonical = $4) and ($5 is null or user_id = $5) \
         order by created_at desc, id desc limit $6";
    let MailFilter { status, to, user } = filter;
    // The databases cannot use an index for `$4 is null or …`. So the most selective filter gets a condition of its own.
    let sql = match filter {
        MailFilter { user: Some(_), .. } => sql!(MAILS, "user_id = $5", FILTERED),
        MailFilter { to: Some(_), .. } => sql!(MAILS, "recipient_canonical = $4", FILTERED),
        MailFilter { status: Some(DeliveryStatus::Queued | DeliveryStatus::Failed), .. } => {
            sql!(MAILS, "status = $3 and status in ('queued', 'failed')", FILTERED)
        }
        _ => sql!(MAILS, "true", FILTERED),
    };
    let Cursor { at, id } = paging.before();
    let status = status.map(DeliveryStatus::as_str);
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, SqlTimestamp(at), id, status, to.as_deref(), *user, paging.limit + 1)?;
    Ok(rows.into_iter().map(MailView::from_row).collect())
}

/// All mails that concern a user, the latest first.
pub(crate) async fn of_user(db: &Db, user: Uuid) -> Result<Vec<MailView>, SqlError> {
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql!(MAILS, "user_id = $1 order by created_at desc, id desc"), user)?;
    Ok(rows.into_iter().map(MailView::from_row).collect())
}

impl MailView {
    fn from_row(row: Row) -> Self {
        let (id, template, to, user_id, language, status, attempts, created_at, next, finished, last_answer) = row;
        Self {
            id,
            template,
            to,
            user_id,
            language,
            status,
            attempts,
            created_at: created_at.0,
            next_attempt_at: next.map(|at| at.0),
            finished_at: finished.map(|at| at.0),
            last_answer,
        }
    }
}
