//! An administrator or a service reads the audit log, which is itself recorded there.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use use_case::Unavailable;

/// A use case: record that an administrator, or a service with the scope `audit:read`, reads the audit log.
#[derive(Clone)]
pub struct ReadAudit {
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
