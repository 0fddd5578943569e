//! A user gets the password that they will sign in with: hashed first, then stored.

use crate::Auth;
use auth_domain::PasswordHash;
use kernel::UserId;
use use_case::{Bench, Cx, Handle, Prepare, Trouble};

pub use contracts::SetCredential;

/// The password, hashed.
#[derive(Clone)]
pub struct NewCredential {
    user: UserId,
    hash: PasswordHash,
}

impl Prepare<dyn Auth> for SetCredential {
    type Ready = NewCredential;

    async fn prepare(self, bench: Bench<'_, dyn Auth>) -> Result<NewCredential, Trouble> {
        let hash = bench.tools.open_and_hash(&self.password, bench.message.root, self.user_id).await?;
        Ok(NewCredential { user: self.user_id, hash })
    }
}

impl Handle<dyn Auth, Trouble> for NewCredential {
    async fn handle(self, cx: Cx<'_, dyn Auth>) -> Result<(), Trouble> {
        cx.store.create_credential(self.user, &self.hash).await?;
        Ok(())
    }
}
