//! An operator has added or destroyed a key of the installation, which is recorded in the audit log.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use use_case::Unavailable;

/// A change of the key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// A new key was added.
    Rotated,
    /// A key was destroyed.
    Retired,
}

/// A use case: record a change of keys, after it was made. Keys are in a file, and an operator must be able to change
/// them in an emergency although the database does not answer.
#[derive(Clone)]
pub struct RecordKeyChange {
    pub by: Authority,
    pub change: KeyChange,
    /// The id of the key.
    pub kid: String,
}

impl UseCase for RecordKeyChange {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let action = match self.change {
            KeyChange::Rotated => Action::RotateKey,
            KeyChange::Retired => Action::RetireKey,
        };
        store.record(AuditEvent::by(self.by.actor(), action, self.by.client).about(self.kid)).await
    }
}
