//! A user has registered: store the email address that they sign in with.

use crate::Auth;
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::UserRegistered;

impl Handle<dyn Auth, FollowUpFailure> for UserRegistered {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        ctx.store.upsert_identifier(self.user_id, self.version, &self.email).await?;
        Ok(())
    }
}
