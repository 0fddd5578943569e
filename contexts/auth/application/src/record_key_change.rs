//! An operator has added a key of the installation, or destroyed one: it is recorded.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use use_case::Unavailable;

/// What was done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// A new one was added.
    Rotated,
    /// It was destroyed.
    Retired,
}

/// After it was done: keys stand in a file, and in an emergency they change whether or not the database answers.
#[derive(Clone)]
pub struct RecordKeyChange {
    /// On whose authority.
    pub by: Authority,
    /// What was done.
    pub change: KeyChange,
    /// With which key, by its name.
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
