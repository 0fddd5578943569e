//! A user was erased: their account, password and sessions go, and the audit log keeps no address of theirs.

use crate::{Action, AuditEvent, Auth};
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::UserErased;

impl Handle<dyn Auth, FollowUpFailure> for UserErased {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { user_id, version: _, erased_at: _, by, client, reason } = self;
        ctx.store.erase_account(user_id).await?;
        ctx.store.pseudonymise(user_id).await?;
        ctx.erase_subject(user_id.as_uuid());
        let event = AuditEvent::commanded(by, client, Action::EraseUser, ctx.message.root);
        ctx.store.record(event.on(user_id).noted(reason)).await?;
        Ok(())
    }
}
