//! An imported user had a weak digest of their password: a worker wraps it in a slow hash at once.

use crate::Auth;
use auth_domain::{PasswordHash, WeakDigest};
use identity::UserId;
use use_case::{FollowUpFailure, Handle, HandlerContext, Prepare, PrepareContext};

pub use contracts::WrapDigest;

/// The prepared message: the wrapped digest.
#[derive(Clone)]
pub struct NewWrappedDigest {
    user: UserId,
    hash: PasswordHash,
}

impl Prepare<dyn Auth> for WrapDigest {
    type Prepared = NewWrappedDigest;

    async fn prepare(self, ctx: PrepareContext<'_, dyn Auth>) -> Result<NewWrappedDigest, FollowUpFailure> {
        let digest = WeakDigest::parse(&self.digest).ok().flatten();
        let digest = digest.ok_or_else(|| FollowUpFailure::Broken("the text is no digest".into()))?;
        Ok(NewWrappedDigest { user: self.user_id, hash: ctx.tools.wrap_digest(&digest).await? })
    }
}

impl Handle<dyn Auth, FollowUpFailure> for NewWrappedDigest {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        // The user may have been erased meanwhile.
        if ctx.store.lock_account(self.user).await? {
            ctx.store.create_credential(self.user, &self.hash).await?;
        }
        Ok(())
    }
}
