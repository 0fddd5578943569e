//! Somebody who is signed in does not know the current password: it is recorded.

use crate::{Action, AuditEvent, Auth, Authority, UseCase};
use auth_domain::SessionId;
use kernel::UserId;
use use_case::Unavailable;

/// After the current password was found wrong.
#[derive(Clone)]
pub struct RefusePasswordChange {
    /// Whose session.
    pub user: UserId,
    /// Which.
    pub session: SessionId,
    /// On whose authority: one whose session has ended does not learn whether the password was right.
    pub by: Authority,
}

impl UseCase for RefusePasswordChange {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let event = AuditEvent::own(Action::ChangePassword, self.user, self.by.client).within(self.session);
        store.record(event.refused("wrong_credentials")).await
    }
}
