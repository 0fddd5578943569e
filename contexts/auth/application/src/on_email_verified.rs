//! A user has proven that they read mails to their address: introspection shows it.

use crate::Auth;
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::EmailVerified;

impl Handle<dyn Auth, FollowUpFailure> for EmailVerified {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        ctx.store.verify_identifier(self.user_id, self.version).await?;
        Ok(())
    }
}
