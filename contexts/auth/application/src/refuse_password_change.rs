//! Somebody who is signed in does not know the current password: it is recorded.

use crate::{Action, AuditEvent, Auth, Client, Immediate};
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
    /// From where.
    pub client: Client,
}

impl Immediate for RefusePasswordChange {
    type Outcome = ();

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let event = AuditEvent::own(Action::ChangePassword, self.user, self.client).within(self.session);
        store.record(event.refused("wrong_credentials")).await
    }
}
