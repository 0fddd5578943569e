//! The role of a user was set: lists of users show and filter it.

use crate::Users;
use use_case::{FollowUpFailure, Handle, HandlerContext};
use users_domain::UserRole;

pub use contracts::RoleChanged;

impl Handle<dyn Users, FollowUpFailure> for RoleChanged {
    async fn handle(self, ctx: HandlerContext<'_, dyn Users>) -> Result<(), FollowUpFailure> {
        let role: UserRole = self.role.parse().map_err(|why| FollowUpFailure::Broken(Box::new(why)))?;
        ctx.store.follow_role(self.user_id, self.version, role).await?;
        Ok(())
    }
}
