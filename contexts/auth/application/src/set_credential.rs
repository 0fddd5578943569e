//! A user gets the password that they will sign in with: hashed first, then stored.

use crate::Auth;
use auth_domain::PasswordHash;
use kernel::UserId;
use use_case::{PrepareContext, HandlerContext, Handle, Prepare, FollowUpFailure};

pub use contracts::SetCredential;

/// The password, hashed.
#[derive(Clone)]
pub struct NewCredential {
    user: UserId,
    hash: PasswordHash,
}

impl Prepare<dyn Auth> for SetCredential {
    type Prepared = NewCredential;

    async fn prepare(self, ctx: PrepareContext<'_, dyn Auth>) -> Result<NewCredential, FollowUpFailure> {
        let hash = ctx.tools.open_and_hash(&self.password, ctx.message.root, self.user_id).await?;
        Ok(NewCredential { user: self.user_id, hash })
    }
}

impl Handle<dyn Auth, FollowUpFailure> for NewCredential {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        ctx.store.create_credential(self.user, &self.hash).await?;
        Ok(())
    }
}
