//! An administrator has a user mailed a link to choose a new password.

use crate::{Action, AuditEvent, Auth, ResetLink};
use auth_domain::NotRecoverable;
use identity::UserId;
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};

/// A command: mail the user a link to choose a new password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendPasswordReset {
    pub user: UserId,
    pub link: ResetLink,
    /// The administrator who sends it.
    pub by: UserId,
    pub client: RequestOrigin,
}

use_case::command!(SendPasswordReset, "auth.send_password_reset.v1", about: user);

impl Handle<dyn Auth> for SendPasswordReset {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Auth>) -> Result<(), CommandFailure> {
        let Self { user, link, by, client } = self;
        if ctx.store.lock_active(user).await?.is_none() {
            let is_known = ctx.store.lock_account(user).await?;
            Err(if is_known { NotRecoverable::Deactivated } else { NotRecoverable::NoSuchUser })?;
        }
        link.send(&mut ctx, user).await?;
        let event = AuditEvent::commanded(Some(by), Some(client), Action::RequestPasswordReset, ctx.message.root);
        ctx.store.record(event.on(user)).await?;
        Ok(())
    }
}
