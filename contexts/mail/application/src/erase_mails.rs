//! A user was erased to whose address mails were sent for another id: none of these is kept or sent.

use crate::Mails;
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::EraseMails;

impl Handle<dyn Mails, FollowUpFailure> for EraseMails {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Mails>) -> Result<(), FollowUpFailure> {
        for mail in ctx.store.erase(self.user_id).await? {
            ctx.erase_subject(mail.as_uuid());
        }
        Ok(())
    }
}
