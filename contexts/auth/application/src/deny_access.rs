//! Somebody who is known asked for what is not theirs: it is recorded.

use crate::{Action, Actor, AuditEvent, Auth, Authority, RequestOrigin, UseCase};
use use_case::Unavailable;

/// After it was refused.
#[derive(Clone)]
pub struct DenyAccess {
    /// Who.
    pub actor: Actor,
    /// The route, never the path that was asked for.
    pub route: String,
    /// From where.
    pub client: RequestOrigin,
}

impl UseCase for DenyAccess {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let user = if let Actor::User(user) = self.actor { Some(user) } else { None };
        let event = AuditEvent::by(self.actor, Action::Access, self.client).on(user).about(self.route);
        store.record(event.refused("forbidden")).await
    }
}
