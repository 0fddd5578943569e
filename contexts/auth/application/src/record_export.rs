//! A person exports everything that Roster holds on a user, which the audit log records.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use identity::UserId;
use use_case::Unavailable;

/// A use case: record an export.
#[derive(Clone)]
pub struct RecordExport {
    pub user: UserId,
    pub by: Authority,
}

impl UseCase for RecordExport {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        store.record(AuditEvent::by(self.by.actor(), Action::ExportUser, self.by.client).on(self.user)).await
    }
}
