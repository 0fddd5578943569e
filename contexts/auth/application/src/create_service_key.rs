//! An administrator creates a key for another service.

use crate::{Action, AuditEvent, Auth, Authority, ServiceKey, TokenHash, UseCase};
use auth_domain::{Days, Scopes, ServiceKeyId, ServiceName};
use use_case::Unavailable;

/// A use case: create a service key.
#[derive(Clone)]
pub struct CreateServiceKey {
    pub by: Authority,
    pub name: ServiceName,
    pub scopes: Scopes,
    pub days: Days,
    /// The hash of the key, which alone is stored.
    pub hash: TokenHash,
}

impl UseCase for CreateServiceKey {
    type Outcome = ServiceKey;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<ServiceKey, Unavailable> {
        let now = store.now().await?;
        let key = ServiceKey {
            id: ServiceKeyId::random(),
            name: self.name,
            scopes: self.scopes,
            created_by: self.by.actor(),
            created_at: now,
            expires_at: self.days.after(now),
        };
        store.add(&key, &self.hash).await?;
        let event = AuditEvent::by(self.by.actor(), Action::CreateServiceKey, self.by.client);
        store.record(event.about(key.id.to_string())).await?;
        Ok(key)
    }
}
