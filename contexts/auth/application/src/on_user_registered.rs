//! Somebody registered: from now on we know by which address they sign in.

use crate::Auth;
use use_case::{Cx, Handle, Trouble};

pub use contracts::UserRegistered;

impl Handle<dyn Auth, Trouble> for UserRegistered {
    async fn handle(self, cx: Cx<'_, dyn Auth>) -> Result<(), Trouble> {
        cx.store.identify(self.user_id, self.version, &self.email).await?;
        Ok(())
    }
}
