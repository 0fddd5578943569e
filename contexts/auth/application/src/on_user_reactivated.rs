//! A user was reactivated and can sign in again.

use crate::{Action, AuditEvent, Auth};
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::UserReactivated;

impl Handle<dyn Auth, FollowUpFailure> for UserReactivated {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { user_id, version, by, client, .. } = self;
        if ctx.store.set_disabled(user_id, version, None).await? {
            let event = AuditEvent::commanded(by, client, Action::ReactivateUser, ctx.message.root);
            ctx.store.record(event.on(user_id)).await?;
        }
        Ok(())
    }
}
