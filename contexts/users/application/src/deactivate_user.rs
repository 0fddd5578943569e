//! An administrator deactivates a user, who is signed out and can no longer sign in.

use crate::Users;
use contracts::UserDeactivated;
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
        self.deactivate(&mut ctx).await
    }
}

impl DeactivateUser {
    /// Deactivates the user within a command about this user or about many.
    pub(crate) async fn deactivate(self, ctx: &mut HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let now = ctx.message.accepted_at;
        let mut user = ctx.store.load(self.id).await?.ok_or(NoSuchUser)?;
        if user.deactivate(self.by, now)? {
            ctx.store.withdraw_access(self.id, user.state().version).await?;
            ctx.store.save(&user).await?;
        }
        // Publish also if nothing has changed: this command, too, succeeds only after the other contexts have handled
        // the event.
        ctx.publish(&UserDeactivated {
            user_id: self.id,
            version: user.state().version,
            deactivated_at: user.state().deactivated_at.unwrap_or(now),
            by: self.by,
            client: self.client,
        });
        Ok(())
    }
}
