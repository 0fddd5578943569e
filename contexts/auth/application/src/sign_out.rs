//! Somebody signs out: their session ends, and with it all of its tokens.

use crate::{Action, AuditEvent, Auth, Authority, RequestOrigin, SessionEnd, UseCase};
use auth_domain::SessionId;
use kernel::UserId;
use use_case::Unavailable;

/// From within the session.
#[derive(Clone)]
pub struct SignOut {
    /// Who.
    pub user: UserId,
    /// Of which session.
    pub session: SessionId,
    /// From where.
    pub client: RequestOrigin,
}

impl UseCase for SignOut {
    type Outcome = ();

    /// A session that has ended is what was asked for.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        if store.end(self.user, self.session, SessionEnd::SignedOut).await? {
            let event = AuditEvent::own(Action::SignOut, self.user, self.client);
            store.record(event.within(self.session)).await?;
        }
        Ok(())
    }
}
