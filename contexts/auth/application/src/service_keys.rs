use crate::{Actor, TokenHash};
use auth_domain::{Scopes, ServiceKeyId, ServiceName};
use kernel::Timestamp;
use use_case::{Unavailable, async_trait};

/// The key of another service, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKey {
    pub id: ServiceKeyId,
    pub name: ServiceName,
    pub scopes: Scopes,
    pub created_by: Actor,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A port: the keys of other services.
#[async_trait]
pub trait ServiceKeys: Send {
    /// Stores a key with its hash.
    async fn add(&mut self, key: &ServiceKey, hash: &TokenHash) -> Result<(), Unavailable>;

    /// The scopes of a valid key; `None` if it is expired or revoked. MUST lock the key until the transaction ends.
    async fn scopes_of(&mut self, key: ServiceKeyId) -> Result<Option<Scopes>, Unavailable>;

    /// Revokes a key for good. Returns `false` if there is no such key, or it is revoked already.
    async fn revoke(&mut self, key: ServiceKeyId) -> Result<bool, Unavailable>;
}
