//! Checks while the process runs that its keys are still those of the installation.

use crate::installation::{complete, factor_keys, lags, signing_key};
use auth_domain::{InstallationKey, KeyFit, compare_keys};
use auth_infrastructure::key_record;
use auth_infrastructure::tokens::SigningKeys;
use persistence::Db;
use sealing::KeyFile;
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
    pub(crate) file: KeyFile,
}

/// The result of a check.
struct Seen {
    health: Health,
    why: Option<String>,
    is_new: bool,
    keys: Vec<InstallationKey>,
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
                let _ = complete(&self.db, &seen.keys).await;
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

    /// The keys in memory, and those of second factors, which are read when they are needed.
    fn keys(&self, factors: Vec<InstallationKey>) -> Vec<InstallationKey> {
        let key_set = self.signing.key_set();
        let signing = key_set.iter().map(|key| signing_key(key.kid.clone(), key.x.clone()));
        self.sealing.iter().cloned().chain(signing).chain(factors).collect()
    }

    /// Reads the key file again. Returns the keys of second factors, or why it cannot be read.
    async fn reload(&self) -> Result<Vec<InstallationKey>, String> {
        let (signing, file) = (self.signing.clone(), self.file.clone());
        #[expect(clippy::disallowed_methods, reason = "a file on a network disk may block for long")]
        let reloading = spawn_blocking(move || {
            signing.reload()?;
            factor_keys(&file)
        });
        match reloading.await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn look(&self) -> Seen {
        // Without the database there is nothing to compare with. Read the database first: a rotation changes the file
        // first, so the file then has every key that the database has recorded.
        let recorded = key_record::recorded(&self.db).await.unwrap_or_default();
        let (factors, file) = match self.reload().await {
            Ok(factors) => (factors, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let keys = self.keys(factors);
        let (health, why, is_new) = match compare_keys(&recorded, &keys) {
            KeyFit::Other(why) => (Health::Down, Some(format!("they belong to another installation: {why}")), false),
            KeyFit::Unrecorded => degraded(file, false),
            KeyFit::Ours { new, missing, retired } => degraded(file.or(lags(&missing, &retired)), !new.is_empty()),
        };
        Seen { health, why, is_new, keys }
    }
}

fn degraded(why: Option<String>, is_new: bool) -> (Health, Option<String>, bool) {
    let health = if why.is_some() { Health::Degraded } else { Health::Ok };
    (health, why, is_new)
}
