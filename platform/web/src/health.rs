//! Liveness and readiness: whether the process runs, and whether it can serve requests.

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

/// The timeout of the checks. Load balancers commonly wait one second or a few.
const PATIENCE: Duration = Duration::from_secs(2);

/// The health of one component, or of the whole instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Works normally.
    Ok,
    /// Works, but needs an operator's attention.
    Degraded,
    /// Does not work.
    Down,
}

/// The result of each readiness check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Checks {
    /// Whether the database answers and can be written to.
    pub database: Health,
    /// Whether the database has the schema that this version needs.
    pub migrations: Health,
    /// Whether the message broker (RabbitMQ) takes hints. `ok` if no broker is configured.
    pub broker: Health,
    /// Whether this process has the keys of its installation. `degraded`: the key file is missing, replaced, or an
    /// older copy; the process continues with the keys that it has read. `down`: the database has recorded other keys.
    pub keys: Health,
}

impl Checks {
    /// The overall health. A broker that is down only degrades it: the workers then poll the database.
    fn overall(self) -> Health {
        self.database.max(self.migrations).max(self.broker.min(Health::Degraded)).max(self.keys)
    }
}

/// Checks the services that the process needs in order to serve requests.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// MUST test what requests need, and MUST NOT return a result older than two seconds: the load balancer sends
    /// requests for as long as the instance is ready.
    async fn check(&self) -> Checks;
}

/// A flag that the process is shutting down. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// From now on readiness is `down`, though the process still answers.
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

/// The OpenAPI document of the health routes.
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
    /// Whether this process is shutting down and wants no new requests.
    stopping: bool,
    checks: Checks,
}

/// Check whether the process runs.
#[utoipa::path(get, path = "/health/live", operation_id = "live", tag = "health", responses(
    (status = 200, description = "The process runs.", body = Live, example = json!({"status": "ok"})),
    (status = "default", description = "The request is not valid, or the server cannot answer.", body = Problem, content_type = "application/problem+json"),
))]
async fn live(_: NoQuery) -> Json<Live> {
    Json(Live { status: Health::Ok })
}

/// Check whether the process can serve requests.
#[utoipa::path(get, path = "/health/ready", operation_id = "ready", tag = "health", responses(
    (
        status = 200, description = "Ready. `degraded`: requests are served, but `checks` shows a problem, such as an unreachable RabbitMQ.", body = Report,
        example = json!({"status": "ok", "stopping": false, "checks": {"database": "ok", "migrations": "ok", "broker": "ok", "keys": "ok"}}),
    ),
    (
        status = 503, description = "Not ready: a check is `down`, or the process is shutting down.", body = Report,
        example = json!({"status": "down", "stopping": false, "checks": {"database": "down", "migrations": "ok", "broker": "ok", "keys": "ok"}}),
    ),
    (status = "default", description = "The request is not valid, or the server cannot answer.", body = Problem, content_type = "application/problem+json"),
))]
async fn ready(State((readiness, stopping)): State<(Arc<dyn Readiness>, Stopping)>, _: NoQuery) -> Response {
    // Only the database can delay a check: the state of the broker is known at any time.
    let unknown = Checks { database: Health::Down, migrations: Health::Down, broker: Health::Ok, keys: Health::Ok };
    let checks = timeout(PATIENCE, readiness.check()).await.unwrap_or(unknown);
    let stopping = stopping.has_begun();
    let status = if stopping { Health::Down } else { checks.overall() };
    let code = if status == Health::Down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let mut answer = (code, Json(Report { status, stopping, checks })).into_response();
    answer.extensions_mut().insert(NotAProblem);
    answer
}
