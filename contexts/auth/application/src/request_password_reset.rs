//! A person has forgotten their password: if the address has an active account, it gets a link to choose a new one.

use crate::{Action, Actor, AuditEvent, Auth, ResetLink};
use identity::Email;
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};

/// A command: mail a link to this address, if it is the address of an active account. Its sender learns nothing of the
/// outcome.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestPasswordReset {
    /// As it was typed. The mail goes to the stored address.
    pub email: Email,
    pub link: ResetLink,
    pub client: RequestOrigin,
}

impl use_case::Message for RequestPasswordReset {
    const NAME: &'static str = "auth.request_password_reset.v1";
    type Failure = CommandFailure;

    /// The mail: the user is not known yet.
    fn subject(&self) -> use_case::Uuid {
        self.link.mail.as_uuid()
    }
}

impl Handle<dyn Auth> for RequestPasswordReset {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Auth>) -> Result<(), CommandFailure> {
        let Self { email, link, client } = self;
        let Some(user) = ctx.store.identified_by(&email).await? else { return Ok(()) };
        // Read again under the lock: the address may be another user's by now.
        if ctx.store.lock_active(user).await?.is_none_or(|stored| stored.canonical() != email.canonical()) {
            return Ok(());
        }
        link.send(&mut ctx, user).await?;
        let event = AuditEvent::by(Actor::Anonymous, Action::RequestPasswordReset, client);
        ctx.store.record(event.on(user).about(ctx.message.root.to_string())).await?;
        Ok(())
    }
}
