//! Checks while the process runs that its keys are still those of the installation.

use crate::installation::{complete, lags, signing_key};
use auth_domain::{InstallationKey, KeyFit, compare_keys};
use auth_infrastructure::key_record;
use auth_infrastructure::tokens::SigningKeys;
use persistence::Db;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use web::health::Health;

/// The pause between two checks.
const EVERY: Duration = Duration::from_secs(2);

/// Compares the keys of this process with the recorded ones. Clones share their state.
#[derive(Clone)]
pub(crate) struct KeyWatch {
    pub(crate) db: Db,
    pub(crate) sealing: Arc<[InstallationKey]>,
    pub(crate) signing: Arc<SigningKeys>,
}

/// The result of a check.
#[derive(PartialEq, Eq)]
struct Seen {
    health: Health,
    why: Option<String>,
    is_new: bool,
}

impl KeyWatch {
    /// The health of the keys in memory: down when they belong to another installation.
    pub(crate) async fn health(&self) -> Health {
        self.look().await.health
    }

    /// Logs changes, and records new keys. Runs until the process ends.
    pub(crate) async fn watch(self) {
        let mut before = None;
        loop {
            let seen = self.look().await;
            if seen.is_new {
                // If the database does not answer, the next check finds them again.
                let _ = complete(&self.db, &self.keys()).await;
            }
            if seen.why != before {
                match &seen.why {
                    Some(why) => tracing::error!(%why, "the keys of this process do not match the installation's"),
                    None => tracing::info!("the keys of this process match the installation's again"),
                }
                before = seen.why;
            }
            sleep(EVERY).await;
        }
    }

    fn keys(&self) -> Vec<InstallationKey> {
        let key_set = self.signing.key_set();
        let signing = key_set.iter().map(|key| signing_key(key.kid.clone(), key.x.clone()));
        self.sealing.iter().cloned().chain(signing).collect()
    }

    /// Reads the key file again. Returns why it cannot be read, if so.
    async fn reload(&self) -> Option<String> {
        let signing = self.signing.clone();
        #[expect(clippy::disallowed_methods, reason = "a file on a network disk may block for long")]
        let reloading = spawn_blocking(move || signing.reload());
        match reloading.await {
            Ok(read) => read.err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    async fn look(&self) -> Seen {
        // Without the database there is nothing to compare with. Read the database first: a rotation changes the file
        // first, so the file then has every key that the database has recorded.
        let recorded = key_record::recorded(&self.db).await.unwrap_or_default();
        let file = self.reload().await;
        let keys = self.keys();
        let seen = |health, why, is_new| Seen { health, why, is_new };
        match compare_keys(&recorded, &keys) {
            KeyFit::Other(why) => {
                seen(Health::Down, Some(format!("they belong to another installation: {why}")), false)
            }
            KeyFit::Unrecorded => degraded(file, false),
            KeyFit::Ours { new, missing, retired } => degraded(file.or(lags(&missing, &retired)), !new.is_empty()),
        }
    }
}

fn degraded(why: Option<String>, is_new: bool) -> Seen {
    let health = if why.is_some() { Health::Degraded } else { Health::Ok };
    Seen { health, why, is_new }
}
