//! A user confirms an address by the link that was mailed to it. A new address becomes theirs; the old one is told.

use crate::{EmailLink, IssuedLink, LinkPurpose, Users};
use contracts::{EmailVerified, MailTemplate, UserEmailChanged};
use identity::{MailTokenHash, UserId};
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::TokenInvalid;

/// A command: confirm an address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConfirmEmail {
    pub id: UserId,
    pub token: MailTokenHash,
    /// The link by which the owner of the old address undoes a change.
    pub revert: IssuedLink,
    /// Where the request came from.
    pub client: Option<RequestOrigin>,
}

use_case::command!(ConfirmEmail, "users.confirm_email.v1", about: id);

impl Handle<dyn Users> for ConfirmEmail {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, token, revert, client } = self;
        let mut user = ctx.store.load(id).await?.ok_or(TokenInvalid)?;
        let (old, old_version) = (user.state().email.clone(), user.state().email_version);
        let link = ctx.store.take_link(token).await?.ok_or(TokenInvalid)?;
        if link.user != id || link.purpose != LinkPurpose::Confirm || link.email_version != old_version {
            return Err(TokenInvalid.into());
        }
        ctx.store.remove_links(id, false).await?;
        if !user.confirm_email(link.email) {
            return Ok(());
        }
        ctx.store.save(&user).await?;
        let (email, version, now) = (user.state().email.clone(), user.state().version, ctx.message.accepted_at);
        if email.canonical() == old.canonical() {
            ctx.publish(&EmailVerified { user_id: id, version, verified_at: now });
            return Ok(());
        }
        let (hash, purpose, email_version) = (revert.hash, LinkPurpose::Revert, user.state().email_version);
        ctx.store.add_link(&EmailLink { hash, user: id, purpose, email: old.clone(), email_version }).await?;
        ctx.send(&revert.mail(MailTemplate::EmailChanged, old, id));
        let by = Some(id);
        ctx.publish(&UserEmailChanged {
            user_id: id,
            version,
            email,
            email_verified: true,
            changed_at: now,
            by,
            client,
        });
        Ok(())
    }
}
