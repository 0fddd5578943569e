//! Whether the process runs, and whether it can serve.

use crate::{Json, NoQuery, NotAProblem, Problem};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Serialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;
use use_case::async_trait;
use utoipa::{OpenApi, ToSchema};

/// How long the checks may take. Whoever asks has a time-out too, commonly one second or a few.
const PATIENCE: Duration = Duration::from_secs(2);

/// How well something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should.
    Ok,
    /// It does its work, but something that helps is missing.
    Degraded,
    /// Not at all.
    Down,
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Checks {
    /// Whether the database answers and can be written to.
    pub database: Health,
    /// Whether its schema is the one that this version needs.
    pub migrations: Health,
    /// Whether hints go out. Without a broker there is nothing to be down.
    pub broker: Health,
    /// Whether this process has the keys of its installation. `degraded`: the key file is missing, another one, or an
    /// older copy, and the process goes on with what it has read. `down`: the database has recorded other keys.
    pub keys: Health,
}

impl Checks {
    /// A broker that is down degrades: accepting goes on, and workers find their work by looking.
    fn overall(self) -> Health {
        self.database.max(self.migrations).max(self.broker.min(Health::Degraded)).max(self.keys)
    }
}

/// Checks what Roster needs in order to serve.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// MUST try what requests need, and MUST NOT answer with what it found more than a second ago: an instance is sent
    /// requests for as long as it says yes.
    async fn check(&self) -> Checks;
}

/// Whether this process is about to end. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// From now on it is not ready, though it answers.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `GET /health/live` and `GET /health/ready`.
pub fn routes(readiness: Arc<dyn Readiness>, stopping: Stopping) -> Router {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready)).with_state((readiness, stopping))
}

/// Their part of the OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(live, ready), components(schemas(Problem)))]
    struct Document;
    Document::openapi()
}

#[derive(Serialize, ToSchema)]
struct Live {
    status: Health,
}

#[derive(Serialize, ToSchema)]
struct Report {
    status: Health,
    /// Whether this process is about to end and wants no new requests.
    stopping: bool,
    checks: Checks,
}

/// Whether the process runs.
#[utoipa::path(get, path = "/health/live", operation_id = "live", tag = "health", responses(
    (status = 200, description = "It runs.", body = Live, example = json!({"status": "ok"})),
    (status = "default", description = "The request itself is refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn live(_: NoQuery) -> Json<Live> {
    Json(Live { status: Health::Ok })
}

/// Whether requests can be served.
#[utoipa::path(get, path = "/health/ready", operation_id = "ready", tag = "health", responses(
    (
        status = 200, description = "They can. `degraded`: but something that helps is missing.", body = Report,
        example = json!({"status": "ok", "stopping": false, "checks": {"database": "ok", "migrations": "ok", "broker": "ok", "keys": "ok"}}),
    ),
    (
        status = 503, description = "They cannot, or not for long: the process is about to end.", body = Report,
        example = json!({"status": "down", "stopping": false, "checks": {"database": "down", "migrations": "ok", "broker": "ok", "keys": "ok"}}),
    ),
    (status = "default", description = "The request itself is refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn ready(State((readiness, stopping)): State<(Arc<dyn Readiness>, Stopping)>, _: NoQuery) -> Response {
    // Only the database can keep a check waiting: whether a broker is there is known at any time.
    let unknown = Checks { database: Health::Down, migrations: Health::Down, broker: Health::Ok, keys: Health::Ok };
    let checks = timeout(PATIENCE, readiness.check()).await.unwrap_or(unknown);
    let stopping = stopping.has_begun();
    let status = if stopping { Health::Down } else { checks.overall() };
    let code = if status == Health::Down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let mut answer = (code, Json(Report { status, stopping, checks })).into_response();
    answer.extensions_mut().insert(NotAProblem);
    answer
}
