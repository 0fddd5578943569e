//! An administrator deactivates a user, who can neither sign in nor stay signed in from then on.

use crate::Users;
use contracts::UserDeactivated;
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
        // Also when they were already: this command, too, succeeds only when everybody has heard of it.
        let deactivated_at = user.deactivated_at.unwrap_or(deactivated_at);
        let Self { by, client, .. } = self;
        ctx.publish(&UserDeactivated { user_id: user.id, version: user.version, deactivated_at, by, client });
        Ok(())
    }
}
