//! A command of another context was refused before it was accepted. The refusal is recorded in the audit log.

use crate::{Action, Actor, AuditEvent, Auth, Authority, RequestOrigin, UseCase};
use identity::UserId;
use use_case::Unavailable;

/// A use case: record a refused command.
#[derive(Clone)]
pub struct RefuseCommand {
    pub action: Action,
    /// The user that the command concerns.
    pub user: UserId,
    /// A stable code that says why.
    pub code: &'static str,
    pub actor: Actor,
    pub client: RequestOrigin,
}

impl UseCase for RefuseCommand {
    type Outcome = ();

    /// None: the use case only records.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        store.record(AuditEvent::by(self.actor, self.action, self.client).on(self.user).refused(self.code)).await
    }
}
