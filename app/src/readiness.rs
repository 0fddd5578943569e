//! Decides whether this process is ready: tries what requests need.

use crate::key_watch::KeyWatch;
use crate::message_node::WakeUps;
use crate::schema;
use crate::shared_result::{Age, SharedResult};
use async_trait::async_trait;
use persistence::{Db, SqlError};
use std::sync::Arc;
use uuid::Uuid;
use web::RateLimiter;
use web::health::{Checks, Health, Readiness};

/// Checks the database by reading and by writing, one check at a time.
pub(crate) struct ProcessReadiness {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    limits: RateLimiter,
    hints: WakeUps,
    keys: KeyWatch,
    process: Uuid,
    checks: SharedResult<Checks>,
}

impl ProcessReadiness {
    pub(crate) fn new(db: Db, limits: RateLimiter, hints: WakeUps, keys: KeyWatch) -> Self {
        let process = Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext));
        let checks = SharedResult::default();
        Self { shared: Arc::new(Shared { db, limits, hints, keys, process, checks }) }
    }
}

#[async_trait]
impl Readiness for ProcessReadiness {
    async fn check(&self) -> Checks {
        match self.shared.checks.last() {
            Age::Fresh(checks) => return checks,
            Age::Usable(checks) => {
                tokio::spawn(self.shared.clone().check_again());
                return checks;
            }
            Age::Old => {}
        }
        // Spawn a task: when the client gives up, the check continues, and the next one waits for it.
        let checking = tokio::spawn(self.shared.clone().check_now());
        checking.await.unwrap_or(Checks {
            database: Health::Down,
            migrations: Health::Down,
            broker: Health::Ok,
            keys: Health::Ok,
        })
    }
}

impl Shared {
    async fn check_now(self: Arc<Self>) -> Checks {
        self.checks.renew(self.try_dependencies()).await
    }

    async fn check_again(self: Arc<Self>) {
        self.checks.renew_unless_busy(self.try_dependencies()).await;
    }

    async fn try_dependencies(&self) -> Checks {
        let broker = if self.hints.are_sent() { Health::Ok } else { Health::Degraded };
        let looked = async {
            let missing = schema::missing(&self.db).await?;
            if missing == 0 {
                self.limits.probe(self.process.as_bytes()).await?;
            }
            Ok::<_, SqlError>(missing)
        };
        let looked = looked.await;
        let keys = if looked.is_ok() { self.keys.health().await } else { Health::Ok };
        match looked {
            Ok(0) => Checks { database: Health::Ok, migrations: Health::Ok, broker, keys },
            Ok(_) => Checks { database: Health::Ok, migrations: Health::Down, broker, keys },
            Err(error) => {
                tracing::warn!(%error, "not ready: the database cannot be used");
                Checks { database: Health::Down, migrations: Health::Down, broker, keys }
            }
        }
    }
}
