//! An administrator revokes the key of a service.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use auth_domain::ServiceKeyId;
use use_case::Unavailable;

/// A use case: revoke a service key.
#[derive(Clone)]
pub struct RevokeServiceKey {
    pub by: Authority,
    pub key: ServiceKeyId,
}

impl UseCase for RevokeServiceKey {
    /// `false` if there is no such key, or it is revoked already.
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
