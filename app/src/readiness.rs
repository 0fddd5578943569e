//! Decides whether this process is ready: tries what requests need.

use crate::key_watch::KeyWatch;
use crate::message_node::WakeUps;
use crate::schema;
use async_trait::async_trait;
use persistence::{Db, SqlError};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;
use web::RateLimiter;
use web::health::{Checks, Health, Readiness};

/// The age from which a result is checked again.
const FRESH: Duration = Duration::from_secs(1);
/// The age up to which a result is returned. Until then a request does not wait for the next check.
const USABLE: Duration = Duration::from_secs(2);

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
    /// Held during a check.
    looking: Mutex<()>,
    last: std::sync::Mutex<Option<(Instant, Checks)>>,
}

impl ProcessReadiness {
    pub(crate) fn new(db: Db, limits: RateLimiter, hints: WakeUps, keys: KeyWatch) -> Self {
        let process = Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext));
        let (looking, last) = (Mutex::default(), std::sync::Mutex::default());
        Self { shared: Arc::new(Shared { db, limits, hints, keys, process, looking, last }) }
    }
}

#[async_trait]
impl Readiness for ProcessReadiness {
    async fn check(&self) -> Checks {
        if let Some(checks) = self.shared.last_within(USABLE) {
            tokio::spawn(self.shared.clone().renew());
            return checks;
        }
        // Spawn a task: when the client gives up, the check continues, and the next one waits for it.
        let looking = tokio::spawn(self.shared.clone().wait_and_look());
        looking.await.unwrap_or(Checks {
            database: Health::Down,
            migrations: Health::Down,
            broker: Health::Ok,
            keys: Health::Ok,
        })
    }
}

impl Shared {
    fn last(&self) -> MutexGuard<'_, Option<(Instant, Checks)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last result, if it is younger than `age`.
    fn last_within(&self, age: Duration) -> Option<Checks> {
        self.last().filter(|(at, _)| at.elapsed() < age).map(|(_, checks)| checks)
    }

    async fn wait_and_look(self: Arc<Self>) -> Checks {
        let _one_at_a_time = self.looking.lock().await;
        self.look().await
    }

    /// Checks again, unless a check runs.
    async fn renew(self: Arc<Self>) {
        if let Ok(_one_at_a_time) = self.looking.try_lock() {
            self.look().await;
        }
    }

    async fn look(&self) -> Checks {
        if let Some(checks) = self.last_within(FRESH) {
            return checks;
        }
        let checks = self.try_dependencies().await;
        *self.last() = Some((Instant::now(), checks));
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
