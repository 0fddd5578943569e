//! `__event_name__` has happened: this context remembers the subject.

use crate::__Context__;
use use_case::{FollowUpFailure, Handle, HandlerContext, Message as _};

pub use contracts::__Event__;

impl Handle<dyn __Context__, FollowUpFailure> for __Event__ {
    /// The command that has caused the event succeeds without this reaction.
    const AWAITED: bool = false;

    async fn handle(self, ctx: HandlerContext<'_, dyn __Context__>) -> Result<(), FollowUpFailure> {
        // TODO-AUTHOR: say what this context does. It may run more than once for one event.
        ctx.store.remember(self.subject(), ctx.message.accepted_at).await?;
        Ok(())
    }
}
