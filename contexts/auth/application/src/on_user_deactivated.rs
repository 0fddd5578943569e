//! Somebody was deactivated: they are signed out everywhere, and cannot sign in.

use crate::{Action, AuditEvent, Auth, Ending};
use use_case::{Cx, Handle, Trouble};

pub use contracts::UserDeactivated;

impl Handle<dyn Auth, Trouble> for UserDeactivated {
    async fn handle(self, cx: Cx<'_, dyn Auth>) -> Result<(), Trouble> {
        let Self { user_id, version, deactivated_at, by, client } = self;
        // First the account, which a sign-in locks: it has opened its session by now, or never will.
        if cx.store.set_disabled(user_id, version, Some(deactivated_at)).await? {
            cx.store.end_others(user_id, None, Ending::Disabled).await?;
            let line = AuditEvent::commanded(by, client, Action::DeactivateUser, cx.message.root);
            cx.store.record(line.on(user_id)).await?;
        }
        Ok(())
    }
}
