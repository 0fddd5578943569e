//! An administrator takes a service's key away.

use crate::{Action, Actor, AuditEvent, Auth, Client, Immediate};
use auth_domain::ServiceKeyId;
use use_case::Unavailable;

/// By an administrator.
#[derive(Clone)]
pub struct RevokeServiceKey {
    /// Who takes it.
    pub actor: Actor,
    /// Which.
    pub key: ServiceKeyId,
    /// From where.
    pub client: Client,
}

impl Immediate for RevokeServiceKey {
    /// Whether there was one.
    type Outcome = bool;

    async fn execute(self, store: &mut dyn Auth) -> Result<bool, Unavailable> {
        let revoked = store.revoke(self.key).await?;
        if revoked {
            let event = AuditEvent::by(self.actor, Action::RevokeServiceKey, self.client);
            store.record(event.about(self.key.to_string())).await?;
        }
        Ok(revoked)
    }
}
