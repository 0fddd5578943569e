//! Administrators and services read the audit log.

use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use auth_access::Caller;
use auth_application::{Actor, Authority, Principal, ReadAudit};
use auth_domain::{Need, Scope, ServiceKeyId, SessionId};
use axum::extract::{MatchedPath, State};
use axum::response::Response;
use identity::UserId;
use kernel::{DomainError, Timestamp};
use persistence::{Db, Read, SqlError, SqlTimestamp, fetch_all, sql};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Client, Cursor, LimitError, Page, Paging, Problem, Query, RateLimit, parse_id, unavailable};

/// How many reads by one caller are recorded. Without a limit the audit log would fill up with reads of itself.
const READINGS: RateLimit = RateLimit { name: "auth.audit_readings", burst: 30, every: Duration::from_secs(60) };

/// One event of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "AuditEvent")]
pub(crate) struct AuditEventView {
    /// The id of the event.
    id: Uuid,
    /// When the event happened.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The action that was done or refused, such as `sign_in`.
    #[schema(max_length = 50)]
    action: String,
    /// `succeeded` or `refused`.
    #[schema(pattern = "^(succeeded|refused)$")]
    outcome: String,
    /// The code that says why the action was refused; absent if it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 50)]
    reason: Option<String>,
    /// Who acted: `anonymous`, `user:` with an id, `service:` with the id of a service key, or `operator` for the
    /// command line.
    #[schema(max_length = 50)]
    actor: String,
    /// The user that the action concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<Uuid>,
    /// The session that the action concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<Uuid>,
    /// What else the action concerns, such as the id of a service key, a route, a role, or the id of the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 200)]
    target: Option<String>,
    /// What the administrator wrote about the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 200)]
    note: Option<String>,
    /// The client's network address; `local` for the command line, empty if unknown, or if it was the address of a user
    /// who has been erased.
    #[schema(max_length = 45)]
    address: String,
    /// The `X-Request-Id` of the request's response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
}

/// Which events to return. A filter that is `None` matches every event.
#[derive(Default)]
struct Filter {
    action: Option<String>,
    outcome: Option<String>,
    actor: Option<String>,
    user: Option<Uuid>,
}

#[derive(Debug, thiserror::Error)]
#[error("must be 1 to 50 of the letters a to z, digits, and . _ : -")]
struct NotAWord;

impl DomainError for NotAWord {
    fn code(&self) -> &'static str {
        "filter_invalid"
    }
}

/// Read the audit log, the latest event first.
///
/// For administrators, and for services with the scope `audit:read`.
#[utoipa::path(
    get,
    path = "/audit-events",
    tag = "audit",
    security(("bearer" = [])),
    params(
        ("limit" = Option<i64>, Query, description = "The maximum number of events to return.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page.", max_length = 100),
        ("action" = Option<String>, Query, description = "Return only events with this action.", pattern = "^[a-z0-9._:-]{1,50}$"),
        ("outcome" = Option<String>, Query, description = "Return only events with this outcome: `succeeded` or `refused`.", pattern = "^[a-z0-9._:-]{1,50}$"),
        ("actor" = Option<String>, Query, description = "Return only events with this `actor`.", pattern = "^[a-z0-9._:-]{1,50}$"),
        ("user_id" = Option<Uuid>, Query, description = "Return only events that concern this user."),
    ),
    responses(
        (status = 200, description = "Events of the audit log.", body = Page<AuditEventView>, headers(
            ("Link" = String, description = "The next page (RFC 8288)."),
        ), example = json!({
            "data": [{
                "id": "01890a5d-ac96-774b-bcce-b302099a8057", "at": "2026-09-21T14:13:20.123456Z", "action": "sign_in", "outcome": "refused",
                "reason": "wrong_credentials", "actor": "anonymous", "user_id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091",
                "address": "203.0.113.7", "request_id": "5f0c7e0a-6d5c-4f6e-8a43-0d2f0c7a9b11",
            }],
            "next_cursor": null,
        })),
        (status = 403, description = "Only administrators, and services with the scope `audit:read`, may read the audit log."),
    )
)]
pub(crate) async fn get_audit_events(
    State(auth): State<AuthState>,
    caller: Caller,
    route: MatchedPath,
    client: Client,
    mut query: Query,
) -> Result<Response, Problem> {
    let (may, principal) = match &caller {
        Caller::Anonymous => return Err(Problem::unauthenticated()),
        Caller::Service(service) => {
            let scope = Scope::ReadAudit;
            let principal = Principal::Service { key: ServiceKeyId::new(service.key), scope };
            (service.scopes.contains(scope.as_str()), principal)
        }
        Caller::Person(person) => {
            let (user, session) = (person.user, SessionId::new(person.session));
            (person.is_admin, Principal::Administrator { user, session })
        }
    };
    if !may {
        return Err(auth.authenticator.forbid(&caller, &route, &client).await);
    }
    let paging = Paging::read(&mut query);
    let filter = Filter {
        action: query.optional("action", word),
        outcome: query.optional("outcome", word),
        actor: query.optional("actor", word),
        user: query.optional("user_id", parse_id),
    };
    query.finish(Some(()))?;
    let rows = find(&auth.db, &filter, paging).await.map_err(unavailable)?;
    let (client, route, rules) = (client.on_record(), route.as_str().to_owned(), auth.authenticator.rules);
    let by = Authority { principal, client, route, need: Need::Access, rules };
    auth.record_reading(by).await?;
    let page = Page::new(rows, paging, |view| Cursor { at: view.at, id: view.id });
    let (limit, user) = (paging.limit.to_string(), filter.user.map(|user| user.to_string()));
    let pairs = [
        ("limit", Some(limit.as_str())),
        ("action", filter.action.as_deref()),
        ("outcome", filter.outcome.as_deref()),
        ("actor", filter.actor.as_deref()),
        ("user_id", user.as_deref()),
    ];
    let pairs: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    page.answer("/audit-events", &pairs)
}

impl AuthState {
    /// Records that the caller reads the audit log, within [`READINGS`]. If the record cannot be written, the caller
    /// gets no events.
    async fn record_reading(&self, by: Authority) -> Result<(), Problem> {
        match self.limits.acquire(&READINGS, by.actor().to_string().as_bytes()).await {
            Ok(_) => self.run(ReadAudit { by }).await.map_err(not_run),
            Err(LimitError::TooMany { .. }) => {
                tracing::warn!(target: "audit", actor = %by.actor(), "the audit log is read too often by one caller: further reads are not recorded for a while");
                Ok(())
            }
            Err(error @ LimitError::Unavailable(_)) => Err(error.into()),
        }
    }
}

fn word(text: &str) -> Result<String, NotAWord> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._:-".contains(&byte);
    if (1..=50).contains(&text.len()) && text.bytes().all(fits) { Ok(text.to_owned()) } else { Err(NotAWord) }
}

type Row = (
    Uuid,
    SqlTimestamp,
    String,
    String,
    Option<String>,
    String,
    Option<Uuid>,
    Option<Uuid>,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
);

/// The SQL statement before and after its most selective condition.
const EVENTS: &str = "select id, at, action, outcome, reason, actor, user_id, session_id, target, address, request, note \
     from auth_audit_events where";
const FILTERED: &str = "and (at, id) < ($1, $2) and ($3 is null or action = $3) and ($4 is null or outcome = $4) \
     and ($5 is null or actor = $5) and ($6 is null or user_id = $6) order by at desc, id desc limit $7";

async fn find(db: &Db, filter: &Filter, paging: Paging) -> Result<Vec<AuditEventView>, SqlError> {
    let Filter { action, outcome, actor, user } = filter;
    // The databases cannot use an index for `$6 is null or …`. So the most selective filter gets a condition of its
    // own.
    let sql = match filter {
        Filter { user: Some(_), .. } => sql!(EVENTS, "user_id = $6", FILTERED),
        Filter { actor: Some(_), .. } => sql!(EVENTS, "actor = $5", FILTERED),
        Filter { action: Some(_), .. } => sql!(EVENTS, "action = $3", FILTERED),
        _ => sql!(EVENTS, "true", FILTERED),
    };
    let Cursor { at, id } = paging.before();
    let at = SqlTimestamp(at);
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, at, id, action, outcome, actor, *user, paging.limit + 1)?;
    Ok(rows.into_iter().map(AuditEventView::from_row).collect())
}

/// All events that concern a user, or that the user has caused, the latest first.
pub(crate) async fn events_of(read: &mut Read, user: Uuid) -> Result<Vec<AuditEventView>, SqlError> {
    let sql = sql!(EVENTS, "user_id = $1 or actor = $2 order by at desc, id desc");
    let rows = fetch_all!(read, Row, sql, user, Actor::User(UserId::new(user)).to_string())?;
    Ok(rows.into_iter().map(AuditEventView::from_row).collect())
}

impl AuditEventView {
    fn from_row(row: Row) -> Self {
        let (id, at, action, outcome, reason, actor, user_id, session_id, target, address, request_id, note) = row;
        Self { id, at: at.0, action, outcome, reason, actor, user_id, session_id, target, note, address, request_id }
    }
}
