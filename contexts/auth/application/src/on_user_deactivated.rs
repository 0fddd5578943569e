//! Somebody was deactivated: they are signed out everywhere, and cannot sign in.

use crate::{Action, AuditEvent, Auth, SessionEnd};
use use_case::{HandlerContext, Handle, FollowUpFailure};

pub use contracts::UserDeactivated;

impl Handle<dyn Auth, FollowUpFailure> for UserDeactivated {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { user_id, version, deactivated_at, by, client } = self;
        // First the account, which a sign-in locks: it has opened its session by now, or never will.
        if ctx.store.set_disabled(user_id, version, Some(deactivated_at)).await? {
            ctx.store.end_others(user_id, None, SessionEnd::Disabled).await?;
            let line = AuditEvent::commanded(by, client, Action::DeactivateUser, ctx.message.root);
            ctx.store.record(line.on(user_id)).await?;
        }
        Ok(())
    }
}
