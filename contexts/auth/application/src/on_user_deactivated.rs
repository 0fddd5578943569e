//! A user was deactivated: all their sessions end, links in mails no longer work, and they can no longer sign in.

use crate::{Action, AuditEvent, Auth, SessionEnd};
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::UserDeactivated;

impl Handle<dyn Auth, FollowUpFailure> for UserDeactivated {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { user_id, version, deactivated_at, by, client } = self;
        // Update the account first. A sign-in locks it, so a concurrent sign-in has opened its session by now, or is
        // refused.
        if ctx.store.set_disabled(user_id, version, Some(deactivated_at)).await? {
            ctx.store.end_others(user_id, None, SessionEnd::Disabled).await?;
            ctx.store.revoke_reset_tokens(user_id).await?;
            let event = AuditEvent::commanded(by, client, Action::DeactivateUser, ctx.message.root);
            ctx.store.record(event.on(user_id)).await?;
        }
        Ok(())
    }
}
