//! The audit record is read, which is on record, too.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use use_case::Unavailable;

/// By an administrator, or a service with the scope.
#[derive(Clone)]
pub struct ReadAudit {
    /// On whose authority.
    pub by: Authority,
}

impl UseCase for ReadAudit {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        store.record(AuditEvent::by(self.by.actor(), Action::ReadAudit, self.by.client)).await
    }
}
