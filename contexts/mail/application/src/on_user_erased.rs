//! A user was erased: no mail to them is kept or sent.

use crate::Mails;
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::UserErased;

impl Handle<dyn Mails, FollowUpFailure> for UserErased {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Mails>) -> Result<(), FollowUpFailure> {
        for mail in ctx.store.erase(self.user_id).await? {
            ctx.erase_subject(mail.as_uuid());
        }
        Ok(())
    }
}
