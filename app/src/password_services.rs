//! The services that check, seal, hash and verify passwords.

use crate::compose::{ComposeError, Issuer, ProcessRole, cores};
use crate::product::{self, setting};
use crate::settings::ServiceOptions;
use auth_access::PasswordSealer;
use auth_domain::{BcryptCost, PasswordPolicy};
use auth_infrastructure::{BreachedFileError, BreachedPasswordFile, HashPool, Hashing, PolicyAndSeal, SqlCredentials};
use persistence::Db;
use sealing::Keys;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The services that check, seal, hash and verify passwords.
pub(crate) struct PasswordServices {
    pub(crate) gate: Arc<dyn PasswordSealer>,
    pub(crate) hashing: Arc<Hashing>,
    pub(crate) credentials: Arc<SqlCredentials>,
}

/// `ROSTER_BREACHED_FILE` cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{name} names {path}, which {why}: name a file of Pwned Passwords (SHA-1, ordered by hash), as docs/OPERATING.md \
     says, or unset it",
    name = setting!("BREACHED_FILE"),
    path = path.display()
)]
pub struct BreachedFileUnusable {
    path: PathBuf,
    why: BreachedFileError,
}

/// The policy for new passwords, with the file of breached ones if there is one.
///
/// # Errors
/// [`BreachedFileUnusable`]
pub(crate) fn password_policy(options: &ServiceOptions) -> Result<PasswordPolicy, BreachedFileUnusable> {
    let policy = policy_without_file(&options.tokens);
    Ok(match &options.breached_file {
        Some(path) => policy.refusing_breached(Arc::new(open_breached(path)?)),
        None => policy,
    })
}

/// The rules that need no file. They reject passwords derived from the service's own names.
pub(crate) fn policy_without_file(tokens: &Issuer) -> PasswordPolicy {
    PasswordPolicy::default().of_service([product::NAME, &*tokens.issuer, &*tokens.audience])
}

/// Opens and checks `ROSTER_BREACHED_FILE`.
///
/// # Errors
/// [`BreachedFileUnusable`]
pub(crate) fn open_breached(path: &Path) -> Result<BreachedPasswordFile, BreachedFileUnusable> {
    BreachedPasswordFile::open(path).map_err(|why| BreachedFileUnusable { path: path.to_owned(), why })
}

impl PasswordServices {
    /// Starts the hashing threads. Without the role of a worker, it cannot open sealed passwords.
    ///
    /// # Errors
    /// [`ComposeError`]
    pub(crate) fn start(
        db: &Db,
        keys: &Keys,
        role: ProcessRole,
        cost: BcryptCost,
        policy: PasswordPolicy,
    ) -> Result<Self, ComposeError> {
        let opener = if role.works() { Some(keys.opener(product::LABELS)?) } else { None };
        let pool = Arc::new(HashPool::start(cores())?);
        Ok(Self {
            gate: Arc::new(PolicyAndSeal::new(policy, keys.sealer(product::LABELS))),
            hashing: Arc::new(Hashing::new(opener, pool.clone(), cost)),
            credentials: Arc::new(SqlCredentials::new(db.clone(), pool, cost)),
        })
    }
}
