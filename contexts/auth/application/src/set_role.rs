//! An administrator says what somebody may do. The last administrator stays one.

use crate::{Action, Actor, AuditEvent, Auth, Client, Immediate};
use auth_domain::{LastAdministrator, Role};
use kernel::{Reason as _, UserId};
use use_case::Unavailable;

/// By an administrator.
#[derive(Clone)]
pub struct SetRole {
    /// Who says so.
    pub actor: Actor,
    /// Whose role.
    pub user: UserId,
    /// Which.
    pub role: Role,
    /// From where.
    pub client: Client,
}

impl Immediate for SetRole {
    /// `None` when there is no such user.
    type Outcome = Option<Result<(), LastAdministrator>>;

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let outcome = store.set_role(self.user, self.role).await?;
        let event = AuditEvent::by(self.actor, Action::SetRole, self.client).on(self.user).about(self.role.as_str());
        match &outcome {
            Some(Ok(())) => store.record(event).await?,
            Some(Err(why)) => store.record(event.refused(why.code())).await?,
            None => {}
        }
        Ok(outcome)
    }
}
