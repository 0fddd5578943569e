//! An administrator deactivates a user, who is signed out and can no longer sign in.

use crate::{Users, events};
use identity::UserId;
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::NoSuchUser;

/// A command: deactivate a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeactivateUser {
    pub id: UserId,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator, and in commands of versions that did not record it.
    pub client: Option<RequestOrigin>,
}

use_case::command!(DeactivateUser, "users.deactivate_user.v1", about: id);

impl Handle<dyn Users> for DeactivateUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let deactivated_at = ctx.message.accepted_at;
        let mut user = ctx.store.load(self.id).await?.ok_or(NoSuchUser)?;
        if user.deactivate(self.by, deactivated_at)? {
            ctx.store.withdraw_access(&user).await?;
            ctx.store.save(&user).await?;
        }
        // Publish also if nothing has changed: this command, too, succeeds only after the other contexts have handled
        // the event.
        ctx.publish(&events::deactivated(&user, deactivated_at, self.by, self.client));
        Ok(())
    }
}
