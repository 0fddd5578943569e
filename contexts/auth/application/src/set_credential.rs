//! A user gets their first password: a worker hashes it outside the transaction, then stores the hash.

use crate::Auth;
use auth_domain::PasswordHash;
use identity::UserId;
use use_case::{FollowUpFailure, Handle, HandlerContext, Prepare, PrepareContext};

pub use contracts::SetCredential;

/// The prepared message: the hash of the password.
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
