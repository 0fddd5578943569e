//! Somebody showed a wrong password, or an address that nobody has: it is recorded, and they learn no more.

use crate::{Action, Actor, AuditEvent, Auth, Authority, RequestOrigin, UseCase};
use kernel::Email;
use use_case::Unavailable;

/// After the password was found wrong.
#[derive(Clone)]
pub struct RefuseSignIn {
    /// The address that was given.
    pub identifier: Email,
    /// From where.
    pub client: RequestOrigin,
}

impl UseCase for RefuseSignIn {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let user = store.identified_by(&self.identifier).await?;
        let event = AuditEvent::by(Actor::Anonymous, Action::SignIn, self.client).on(user);
        store.record(event.refused("wrong_credentials")).await
    }
}
