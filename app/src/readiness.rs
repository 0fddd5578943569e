//! Decides whether this process is ready: tries what requests need.

use crate::key_watch::KeyWatch;
use crate::message_node::WakeUps;
use crate::schema;
use async_trait::async_trait;
use persistence::{Db, SqlError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;
use web::RateLimiter;
use web::health::{Checks, Health, Readiness};

/// How long a result is reused.
const STANDS: Duration = Duration::from_secs(1);

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
    last: Mutex<Option<(Instant, Checks)>>,
}

impl ProcessReadiness {
    pub(crate) fn new(db: Db, limits: RateLimiter, hints: WakeUps, keys: KeyWatch) -> Self {
        let process = Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext));
        Self { shared: Arc::new(Shared { db, limits, hints, keys, process, last: Mutex::default() }) }
    }
}

#[async_trait]
impl Readiness for ProcessReadiness {
    async fn check(&self) -> Checks {
        // Spawn a task: when the client gives up, the check continues, and the next one waits for it.
        let looking = tokio::spawn(self.shared.clone().run_checks());
        looking.await.unwrap_or(Checks {
            database: Health::Down,
            migrations: Health::Down,
            broker: Health::Ok,
            keys: Health::Ok,
        })
    }
}

impl Shared {
    async fn run_checks(self: Arc<Self>) -> Checks {
        let mut last = self.last.lock().await;
        if let Some((at, checks)) = *last
            && at.elapsed() < STANDS
        {
            return checks;
        }
        let checks = self.try_dependencies().await;
        *last = Some((Instant::now(), checks));
        checks
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
