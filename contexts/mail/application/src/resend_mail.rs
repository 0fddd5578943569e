//! An administrator sends a failed mail again.

use crate::{DeliverMail, Kept, Mails};
use identity::MailId;
use mail_domain::NotResendable;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};

/// A command: deliver a failed mail again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResendMail {
    pub id: MailId,
}

use_case::command!(ResendMail, "mail.resend_mail.v1", about: id);

impl Handle<dyn Mails> for ResendMail {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Mails>) -> Result<(), CommandFailure> {
        let mut delivery = ctx.store.load(self.id).await?.ok_or(NotResendable)?;
        delivery.resend(ctx.store.now().await?)?;
        let mail = ctx.store.content(self.id).await?.ok_or(NotResendable)?;
        ctx.store.save(self.id, &delivery, Kept::Nothing).await?;
        ctx.send(&DeliverMail { mail });
        Ok(())
    }
}
