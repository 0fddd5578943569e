//! An administrator deactivates a user, who can neither sign in nor stay signed in from then on.

use crate::{Users, events};
use kernel::{RequestOrigin, UserId};
use serde::{Deserialize, Serialize};
use use_case::{HandlerContext, CommandFailure, Handle, Message};
use users_domain::NoSuchUser;

/// The command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeactivateUser {
    /// Whom.
    pub id: UserId,
    /// The administrator who says so; none when it is an operator.
    pub by: Option<UserId>,
    /// From where; none when it is an operator, or was accepted by an earlier version, which did not say.
    pub client: Option<RequestOrigin>,
}

impl Message for DeactivateUser {
    const NAME: &'static str = "users.deactivate_user.v1";
    type Failure = CommandFailure;
    fn subject(&self) -> uuid::Uuid {
        self.id.as_uuid()
    }
}

impl Handle<dyn Users> for DeactivateUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let deactivated_at = ctx.message.accepted_at;
        let mut user = ctx.store.load(self.id).await?.ok_or(NoSuchUser)?;
        if user.deactivate(self.by, deactivated_at)? {
            ctx.store.withdraw_access(&user).await?;
            ctx.store.save(&user).await?;
        }
        // Also when the user was deactivated before: this command, too, succeeds only when every context has heard of it.
        ctx.publish(&events::deactivated(&user, deactivated_at, self.by, self.client));
        Ok(())
    }
}
