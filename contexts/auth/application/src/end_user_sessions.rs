//! An administrator signs a user out everywhere: all sessions of the user end.

use crate::{Action, AuditEvent, Auth, SessionEnd};
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::EndUserSessions;

impl Handle<dyn Auth, FollowUpFailure> for EndUserSessions {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { user_id, by, client } = self;
        ctx.store.end_others(user_id, None, SessionEnd::Revoked).await?;
        let event = AuditEvent::commanded(by, client, Action::EndSession, ctx.message.root);
        ctx.store.record(event.on(user_id)).await?;
        Ok(())
    }
}
