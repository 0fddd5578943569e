//! Another context asks for a mail: it is queued, unless its recipient has had too many of this kind.

use crate::{DeliverMail, Mails, NewMail};
use mail_domain::Delivery;
use use_case::{FollowUpFailure, Handle, HandlerContext, Lane, Prepare, PrepareContext};

pub use contracts::SendMail;

/// The prepared message: what this installation does with it.
#[derive(Clone)]
pub enum RequestedMail {
    Queue(Box<SendMail>),
    /// Mail is off.
    Drop,
}

impl Prepare<dyn Mails> for SendMail {
    type Prepared = RequestedMail;
    /// It only asks whether mail is on.
    const LANE: Lane = Lane::Fast;
    /// A command does not wait for its mail.
    const AWAITED: bool = false;

    async fn prepare(self, ctx: PrepareContext<'_, dyn Mails>) -> Result<RequestedMail, FollowUpFailure> {
        Ok(if ctx.tools.is_on() { RequestedMail::Queue(Box::new(self)) } else { RequestedMail::Drop })
    }
}

impl Handle<dyn Mails, FollowUpFailure> for RequestedMail {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Mails>) -> Result<(), FollowUpFailure> {
        let Self::Queue(mail) = self else { return Ok(()) };
        let now = ctx.store.now().await?;
        let delivery = if ctx.store.count(&mail).await? { Delivery::queue(now) } else { Delivery::suppress(now) };
        let new = NewMail { mail: *mail, created_at: ctx.message.accepted_at, delivery };
        if ctx.store.add(&new).await? && new.delivery.is_queued() {
            ctx.send(&DeliverMail { mail: new.mail });
        }
        Ok(())
    }
}
