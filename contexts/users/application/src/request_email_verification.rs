//! A user asks for a mail with a link that confirms their address.

use crate::{EmailLink, IssuedLink, LinkPurpose, Users};
use contracts::MailTemplate;
use identity::UserId;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::NoSuchUser;

/// A command: mail a user a link that confirms their address. A confirmed address gets no mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestEmailVerification {
    pub id: UserId,
    pub link: IssuedLink,
}

use_case::command!(RequestEmailVerification, "users.request_email_verification.v1", about: id);

impl Handle<dyn Users> for RequestEmailVerification {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, link } = self;
        let user = ctx.store.load(id).await?.ok_or(NoSuchUser)?;
        let state = user.state();
        if state.email_verified {
            return Ok(());
        }
        let (hash, email_version, email) = (link.hash, state.email_version, state.email.clone());
        let purpose = LinkPurpose::Confirm;
        ctx.store.add_link(&EmailLink { hash, user: id, purpose, email: email.clone(), email_version }).await?;
        ctx.send(&link.mail(MailTemplate::ConfirmEmail, email, id));
        Ok(())
    }
}
