//! A user signs out: the session ends, and all its tokens with it.

use crate::{Action, AuditEvent, Auth, Authority, RequestOrigin, SessionEnd, UseCase};
use auth_domain::SessionId;
use identity::UserId;
use use_case::Unavailable;

/// A use case: end the session that the request belongs to.
#[derive(Clone)]
pub struct SignOut {
    pub user: UserId,
    pub session: SessionId,
    pub client: RequestOrigin,
}

impl UseCase for SignOut {
    type Outcome = ();

    /// None: if the session has ended meanwhile, there is nothing to do.
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
