//! An administrator takes a service's key away.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use auth_domain::ServiceKeyId;
use use_case::Unavailable;

/// By an administrator.
#[derive(Clone)]
pub struct RevokeServiceKey {
    /// On whose authority.
    pub by: Authority,
    /// Which.
    pub key: ServiceKeyId,
}

impl UseCase for RevokeServiceKey {
    /// Whether there was one.
    type Outcome = bool;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<bool, Unavailable> {
        let revoked = store.revoke(self.key).await?;
        if revoked {
            let event = AuditEvent::by(self.by.actor(), Action::RevokeServiceKey, self.by.client);
            store.record(event.about(self.key.to_string())).await?;
        }
        Ok(revoked)
    }
}
