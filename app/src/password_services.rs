//! The services that check, seal, hash and verify passwords.

use crate::compose::{ComposeError, Issuer, ProcessRole, cores};
use crate::product;
use auth_access::PasswordSealer;
use auth_domain::{BcryptCost, PasswordPolicy};
use auth_infrastructure::{HashPool, Hashing, PolicyAndSeal, SqlCredentials};
use persistence::Db;
use sealing::Keys;
use std::sync::Arc;

/// The services that check, seal, hash and verify passwords.
pub(crate) struct PasswordServices {
    pub(crate) gate: Arc<dyn PasswordSealer>,
    pub(crate) hashing: Arc<Hashing>,
    pub(crate) credentials: Arc<SqlCredentials>,
}

/// The policy for new passwords. It rejects passwords derived from the service's own names.
pub(crate) fn password_policy(tokens: &Issuer) -> PasswordPolicy {
    PasswordPolicy::default().of_service([product::NAME, &*tokens.issuer, &*tokens.audience])
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
