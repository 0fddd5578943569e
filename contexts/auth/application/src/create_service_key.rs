//! An administrator gives another service a key.

use crate::{Action, AuditEvent, Auth, Authority, UseCase, ServiceKey, TokenHash};
use auth_domain::{Days, Scopes, ServiceKeyId, ServiceName};
use use_case::Unavailable;

/// By an administrator.
#[derive(Clone)]
pub struct CreateServiceKey {
    /// On whose authority.
    pub by: Authority,
    /// What it is called.
    pub name: ServiceName,
    /// What it opens.
    pub scopes: Scopes,
    /// For how long.
    pub days: Days,
    /// Of the key.
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
