//! An administrator reactivates a user, who can sign in again, with the same password.

use crate::Users;
use contracts::UserReactivated;
use identity::UserId;
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::NoSuchUser;

/// A command: reactivate a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReactivateUser {
    pub id: UserId,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator, and in commands of versions that did not record it.
    pub client: Option<RequestOrigin>,
}

use_case::command!(ReactivateUser, "users.reactivate_user.v1", about: id);

impl Handle<dyn Users> for ReactivateUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let mut user = ctx.store.load(self.id).await?.ok_or(NoSuchUser)?;
        if user.reactivate() {
            ctx.store.save(&user).await?;
        }
        // Publish also if nothing has changed: this command, too, succeeds only after the other contexts have handled
        // the event.
        ctx.publish(&UserReactivated {
            user_id: self.id,
            version: user.state().version,
            reactivated_at: ctx.message.accepted_at,
            by: self.by,
            client: self.client,
        });
        Ok(())
    }
}
