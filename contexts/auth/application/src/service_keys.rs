use crate::{Actor, TokenHash};
use auth_domain::{Scopes, ServiceKeyId, ServiceName};
use kernel::Timestamp;
use use_case::{Unavailable, async_trait};

/// A key that another service shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// Its name for administrators.
    pub id: ServiceKeyId,
    /// Whose it is.
    pub name: ServiceName,
    /// What it opens.
    pub scopes: Scopes,
    /// Who has given it.
    pub created_by: Actor,
    /// From when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The keys of other services.
#[async_trait]
pub trait ServiceKeys: Send {
    /// Stores a key by its hash.
    async fn add(&mut self, key: &ServiceKey, hash: &TokenHash) -> Result<(), Unavailable>;

    /// What a key opens that is good now. MUST lock it until the transaction ends.
    async fn scopes_of(&mut self, key: ServiceKeyId) -> Result<Option<Scopes>, Unavailable>;

    /// Ends a key; whether there was one. It MUST never open anything again.
    async fn revoke(&mut self, key: ServiceKeyId) -> Result<bool, Unavailable>;
}
