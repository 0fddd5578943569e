//! A user has another email address: from now on they sign in with it, and no longer with the old one.
//! Links that were mailed to the old one no longer work.

use crate::{Action, AuditEvent, Auth};
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::UserEmailChanged;

impl Handle<dyn Auth, FollowUpFailure> for UserEmailChanged {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { user_id, version, email, email_verified, changed_at: _, by, client } = self;
        if ctx.store.change_identifier(user_id, version, &email, email_verified).await? {
            ctx.store.revoke_reset_tokens(user_id).await?;
            let event = AuditEvent::commanded(by, client, Action::ChangeEmail, ctx.message.root);
            ctx.store.record(event.on(user_id)).await?;
        }
        Ok(())
    }
}
