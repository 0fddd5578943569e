//! An authenticated caller was refused access (403), and the refusal is recorded in the audit log.

use crate::{Action, Actor, AuditEvent, Auth, Authority, RequestOrigin, UseCase};
use use_case::Unavailable;

/// A use case: record a refusal, after the caller was refused.
#[derive(Clone)]
pub struct DenyAccess {
    pub actor: Actor,
    /// The route's template, never the path of the request.
    pub route: String,
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
