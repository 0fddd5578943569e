//! An operator sets a new password for a person. All sessions of the person end: another person may have had the old one.

use crate::{Action, AuditEvent, Auth, Authority, SessionEnd, UseCase};
use auth_domain::PasswordHash;
use kernel::UserId;
use use_case::Unavailable;

/// After the new password was found good.
#[derive(Clone)]
pub struct SetPassword {
    /// On whose authority.
    pub by: Authority,
    /// Whose.
    pub user: UserId,
    /// The hash of the new one.
    pub new: PasswordHash,
}

impl UseCase for SetPassword {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let Self { by, user, new } = self;
        store.set_credential(user, &new).await?;
        store.end_others(user, None, SessionEnd::PasswordChanged).await?;
        store.record(AuditEvent::by(by.actor(), Action::ChangePassword, by.client).on(user)).await
    }
}
