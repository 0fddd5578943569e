//! A worker hands a mail to the mail server. If the server does not take it now, the worker tries again later.

use crate::{Attempt, Kept, Mails};
use contracts::SendMail;
use kernel::Timestamp;
use mail_domain::{Delivery, ServerAnswer};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use use_case::{FollowUpFailure, Handle, HandlerContext, Prepare, PrepareContext};

/// A follow-up of this context to itself: deliver a mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliverMail {
    pub mail: SendMail,
}

impl use_case::Message for DeliverMail {
    const NAME: &'static str = "mail.deliver_mail.v1";
    type Failure = FollowUpFailure;

    fn subject(&self) -> use_case::Uuid {
        self.mail.id.as_uuid()
    }
}

/// The prepared message: how the attempt ended.
#[derive(Clone)]
pub struct AttemptedDelivery {
    mail: SendMail,
    attempt: Attempt,
}

impl Prepare<dyn Mails> for DeliverMail {
    type Prepared = AttemptedDelivery;
    const AWAITED: bool = false;

    async fn prepare(self, ctx: PrepareContext<'_, dyn Mails>) -> Result<AttemptedDelivery, FollowUpFailure> {
        let attempt = ctx.tools.deliver(&self.mail).await?;
        Ok(AttemptedDelivery { mail: self.mail, attempt })
    }
}

impl Handle<dyn Mails, FollowUpFailure> for AttemptedDelivery {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Mails>) -> Result<(), FollowUpFailure> {
        let Self { mail, attempt } = self;
        let id = mail.id;
        let Some(mut delivery) = ctx.store.load(id).await?.filter(Delivery::is_queued) else { return Ok(()) };
        let now = ctx.store.now().await?;
        let (kept, pause) = apply(&mut delivery, attempt, mail, now);
        ctx.store.save(id, &delivery, kept).await?;
        if let Some(pause) = pause {
            ctx.continue_after(pause);
        }
        Ok(())
    }
}

/// Applies the end of an attempt. Returns what is kept of the mail, and the pause before the next attempt.
fn apply(delivery: &mut Delivery, attempt: Attempt, mail: SendMail, now: Timestamp) -> (Kept, Option<Duration>) {
    match attempt {
        Attempt::Sent(answer) => {
            delivery.sent(now, answer);
            (Kept::Nothing, None)
        }
        Attempt::InMailbox(rendered) => {
            delivery.sent(now, ServerAnswer::new("in the mailbox of this server"));
            (Kept::Rendered(rendered), None)
        }
        Attempt::Refused(answer) => {
            delivery.refused(now, answer);
            (Kept::Content(Box::new(mail)), None)
        }
        Attempt::Deferred(answer) => match delivery.deferred(now, answer) {
            Some(pause) => (Kept::Nothing, Some(pause)),
            None => (Kept::Content(Box::new(mail)), None),
        },
    }
}
