//! A user has registered: store the email address that they sign in with, and the role that they were invited for.

use crate::set_role::role_event;
use crate::{Action, AuditEvent, Auth};
use auth_domain::Role;
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::UserRegistered;

impl Handle<dyn Auth, FollowUpFailure> for UserRegistered {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { user_id, version, email, email_verified, role, invited_by, .. } = self;
        ctx.store.create(user_id, version, &email, email_verified).await?;
        let Some(role) = role else { return Ok(()) };
        let role: Role = role.parse().map_err(|why| FollowUpFailure::Broken(Box::new(why)))?;
        if let Some(version) = ctx.store.set_role(user_id, role).await? {
            ctx.publish(&role_event(user_id, version, role));
        }
        let event = AuditEvent::commanded(invited_by, None, Action::SetRole, ctx.message.root);
        ctx.store.record(event.on(user_id).about(role.as_str())).await?;
        Ok(())
    }
}
