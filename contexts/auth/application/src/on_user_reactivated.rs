//! Somebody was reactivated: they can sign in again.

use crate::{Action, AuditEvent, Auth};
use use_case::{Cx, Handle, Trouble};

pub use contracts::UserReactivated;

impl Handle<dyn Auth, Trouble> for UserReactivated {
    async fn handle(self, cx: Cx<'_, dyn Auth>) -> Result<(), Trouble> {
        let Self { user_id, version, by, client, .. } = self;
        if cx.store.set_disabled(user_id, version, None).await? {
            let line = AuditEvent::commanded(by, client, Action::ReactivateUser, cx.message.root);
            cx.store.record(line.on(user_id)).await?;
        }
        Ok(())
    }
}
