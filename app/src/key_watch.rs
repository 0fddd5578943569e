//! Whether a running process still has the keys of its installation.

use crate::installation::{complete, lags, signing_key};
use auth_domain::{InstallationKey, KeyFit, compare_keys};
use auth_infrastructure::key_record;
use auth_infrastructure::tokens::SigningKeys;
use persistence::Db;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use web::health::Health;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);

/// What is looked at. Clones are the same.
#[derive(Clone)]
pub(crate) struct KeyWatch {
    pub(crate) db: Db,
    pub(crate) sealing: Arc<[InstallationKey]>,
    pub(crate) signing: Arc<SigningKeys>,
}

/// What was seen.
#[derive(PartialEq, Eq)]
struct Seen {
    health: Health,
    why: Option<String>,
    is_new: bool,
}

impl KeyWatch {
    /// How the keys in memory are: down when the database has recorded others.
    pub(crate) async fn health(&self) -> Health {
        self.look().await.health
    }

    /// Says in the log what has changed, and records new keys, for as long as the process runs.
    pub(crate) async fn watch(self) {
        let mut before = None;
        loop {
            let seen = self.look().await;
            if seen.is_new {
                // When the database does not answer, the next look finds them again.
                let _ = complete(&self.db, &self.keys().0).await;
            }
            if seen.why != before {
                match &seen.why {
                    Some(why) => tracing::error!(%why, "the keys of this process are not as they should be"),
                    None => tracing::info!("the keys of this process are as they should be again"),
                }
                before = seen.why;
            }
            sleep(EVERY).await;
        }
    }

    fn keys(&self) -> (Vec<InstallationKey>, Option<String>) {
        let (key_set, trouble) = self.signing.key_set_now();
        let signing = key_set.iter().map(|key| signing_key(key.kid.clone(), key.x.clone()));
        (self.sealing.iter().cloned().chain(signing).collect(), trouble)
    }

    async fn look(&self) -> Seen {
        // Without the database there is nothing to hold them against. It is asked first: the file is changed first.
        let recorded = key_record::recorded(&self.db).await.unwrap_or_default();
        let (keys, file) = self.keys();
        let seen = |health, why, is_new| Seen { health, why, is_new };
        match compare_keys(&recorded, &keys) {
            KeyFit::Other(why) => seen(Health::Down, Some(format!("they are another installation's: {why}")), false),
            KeyFit::Unrecorded => degraded(file, false),
            KeyFit::Ours { new, missing, retired } => degraded(file.or(lags(&missing, &retired)), !new.is_empty()),
        }
    }
}

fn degraded(why: Option<String>, is_new: bool) -> Seen {
    let health = if why.is_some() { Health::Degraded } else { Health::Ok };
    Seen { health, why, is_new }
}
