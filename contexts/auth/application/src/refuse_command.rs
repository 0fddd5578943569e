//! A command of another context was refused before it was accepted: it is recorded.

use crate::{Action, Actor, AuditEvent, Auth, Authority, RequestOrigin, UseCase};
use kernel::UserId;
use use_case::Unavailable;

/// After it was refused.
#[derive(Clone)]
pub struct RefuseCommand {
    /// What was to be done.
    pub action: Action,
    /// On whom.
    pub user: UserId,
    /// Why it was not: a stable code.
    pub code: &'static str,
    /// Who wanted it.
    pub actor: Actor,
    /// From where.
    pub client: RequestOrigin,
}

impl UseCase for RefuseCommand {
    type Outcome = ();

    /// It records what was refused.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        store.record(AuditEvent::by(self.actor, self.action, self.client).on(self.user).refused(self.code)).await
    }
}
