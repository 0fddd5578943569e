//! What has happened that matters for security.

use crate::AuthState;
use crate::unit_of_work::not_run;
use auth_application::{Authority, Principal, ReadAudit};
use auth_domain::{Scope, ServiceKeyId, SessionId};
use axum::extract::{MatchedPath, State};
use axum::response::Response;
use kernel::{DomainError, Timestamp};
use persistence::{Db, SqlError, SqlTimestamp, fetch_all};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Caller, Client, Cursor, LimitError, Page, Paging, Problem, Query, RateLimit, parse_id, unavailable};

/// Readings by one caller that are recorded. A record full of its own readings hides the rest.
const READINGS: RateLimit = RateLimit { name: "auth.audit_readings", burst: 30, every: Duration::from_secs(60) };

/// One line of the record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "AuditEvent")]
pub(crate) struct AuditEventView {
    /// Names it.
    id: Uuid,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What was done, such as `sign_in`.
    #[schema(max_length = 50)]
    action: String,
    /// `succeeded` or `refused`.
    #[schema(pattern = "^(succeeded|refused)$")]
    outcome: String,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 50)]
    reason: Option<String>,
    /// Who: `anonymous`, `user:` or `service:` with an id, or `operator`, who has the command line.
    #[schema(max_length = 50)]
    actor: String,
    /// On whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<Uuid>,
    /// In which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<Uuid>,
    /// On what else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 200)]
    target: Option<String>,
    /// The client's network address; `local` for the command line, empty where it is not known.
    #[schema(max_length = 45)]
    address: String,
    /// The `X-Request-Id` of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
}

/// Which lines are asked for.
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

/// Read the audit record, the latest first.
///
/// For administrators, and for services with the scope `audit:read`.
#[utoipa::path(
    get,
    path = "/audit-events",
    tag = "audit",
    security(("bearer" = [])),
    params(
        ("limit" = Option<i64>, Query, description = "How many at most.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before.", max_length = 100),
        ("action" = Option<String>, Query, description = "Only this action.", pattern = "^[a-z0-9._:-]{1,50}$"),
        ("outcome" = Option<String>, Query, description = "Only `succeeded` or `refused`.", pattern = "^[a-z0-9._:-]{1,50}$"),
        ("actor" = Option<String>, Query, description = "Only by them, as `actor` shows them.", pattern = "^[a-z0-9._:-]{1,50}$"),
        ("user_id" = Option<Uuid>, Query, description = "Only on this user."),
    ),
    responses(
        (status = 200, description = "Lines of the record.", body = Page<AuditEventView>, headers(
            ("Link" = String, description = "The next page (RFC 8288)."),
        ), example = json!({
            "data": [{
                "id": "01890a5d-ac96-774b-bcce-b302099a8057", "at": "2026-09-21T14:13:20.123456Z", "action": "sign_in", "outcome": "refused",
                "reason": "wrong_credentials", "actor": "anonymous", "user_id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091",
                "address": "203.0.113.7", "request_id": "5f0c7e0a-6d5c-4f6e-8a43-0d2f0c7a9b11",
            }],
            "next_cursor": null,
        })),
        (status = 403, description = "It is not yours to read.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is refused.", body = Problem, content_type = "application/problem+json"),
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
    let by = Authority { principal, client: client.on_record(), route: route.as_str().to_owned() };
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
    /// Before anything is shown: what cannot be recorded is not.
    async fn record_reading(&self, by: Authority) -> Result<(), Problem> {
        match self.limits.acquire(&READINGS, by.actor().to_string().as_bytes()).await {
            Ok(_) => self.run(ReadAudit { by }).await.map_err(not_run),
            Err(LimitError::TooMany { .. }) => {
                tracing::warn!(target: "audit", actor = %by.actor(), "the audit log is read; it takes no more records of this reader for a while");
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
);

/// The statement, with the condition that narrows it most.
macro_rules! lines {
    ($narrow:literal) => {
        concat!(
            "select id, at, action, outcome, reason, actor, user_id, session_id, target, address, request \
             from auth_audit_events where ",
            $narrow,
            " and (at, id) < ($1, $2) and ($3 is null or action = $3) and ($4 is null or outcome = $4) \
             and ($5 is null or actor = $5) and ($6 is null or user_id = $6) order by at desc, id desc limit $7"
        )
    };
}

async fn find(db: &Db, filter: &Filter, paging: Paging) -> Result<Vec<AuditEventView>, SqlError> {
    let Filter { action, outcome, actor, user } = filter;
    // No plan for `$6 is null or …` can use an index: the one to use is named by a condition of its own.
    let sql = match filter {
        Filter { user: Some(_), .. } => lines!("user_id = $6"),
        Filter { actor: Some(_), .. } => lines!("actor = $5"),
        Filter { action: Some(_), .. } => lines!("action = $3"),
        _ => lines!("true"),
    };
    let (at, id) = super::before(paging);
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, at, id, action, outcome, actor, *user, paging.limit + 1)?;
    Ok(rows.into_iter().map(AuditEventView::from_row).collect())
}

impl AuditEventView {
    fn from_row(row: Row) -> Self {
        let (id, at, action, outcome, reason, actor, user_id, session_id, target, address, request_id) = row;
        Self { id, at: at.0, action, outcome, reason, actor, user_id, session_id, target, address, request_id }
    }
}
