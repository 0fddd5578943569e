//! An administrator gives another service a key.

use crate::{Action, Actor, AuditEvent, Auth, Client, Immediate, ServiceKey, TokenHash};
use auth_domain::{Days, Scopes, ServiceKeyId, ServiceName};
use use_case::Unavailable;

/// By an administrator.
#[derive(Clone)]
pub struct CreateServiceKey {
    /// Who gives it.
    pub actor: Actor,
    /// What it is called.
    pub name: ServiceName,
    /// What it opens.
    pub scopes: Scopes,
    /// For how long.
    pub days: Days,
    /// Of the key.
    pub hash: TokenHash,
    /// From where.
    pub client: Client,
}

impl Immediate for CreateServiceKey {
    type Outcome = ServiceKey;

    async fn execute(self, store: &mut dyn Auth) -> Result<ServiceKey, Unavailable> {
        let now = store.now().await?;
        let key = ServiceKey {
            id: ServiceKeyId::random(),
            name: self.name,
            scopes: self.scopes,
            created_at: now,
            expires_at: self.days.after(now),
        };
        store.add(&key, &self.hash).await?;
        let event = AuditEvent::by(self.actor, Action::CreateServiceKey, self.client);
        store.record(event.about(key.id.to_string())).await?;
        Ok(key)
    }
}
