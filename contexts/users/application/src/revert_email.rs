//! The owner of an old address undoes a change that was not theirs, by the link that was mailed to it.

use crate::{LinkPurpose, Users};
use contracts::{EndUserSessions, UserEmailChanged};
use identity::{MailTokenHash, UserId};
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::TokenInvalid;

/// A command: bring back the address that a link was mailed to, and end all sessions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevertEmail {
    pub id: UserId,
    pub token: MailTokenHash,
    /// Where the request came from.
    pub client: Option<RequestOrigin>,
}

use_case::command!(RevertEmail, "users.revert_email.v1", about: id);

impl Handle<dyn Users> for RevertEmail {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, token, client } = self;
        let mut user = ctx.store.load(id).await?.ok_or(TokenInvalid)?;
        let link = ctx.store.take_link(token).await?.filter(|link| link.user == id).ok_or(TokenInvalid)?;
        if link.purpose != LinkPurpose::Revert {
            return Err(TokenInvalid.into());
        }
        // All links go, also the one that was mailed to the address that is taken away.
        ctx.store.remove_links(id, true).await?;
        let by = Some(id);
        if user.confirm_email(link.email) {
            ctx.store.save(&user).await?;
            let (email, version, changed_at) =
                (user.state().email.clone(), user.state().version, ctx.message.accepted_at);
            let client = client.clone();
            ctx.publish(&UserEmailChanged {
                user_id: id,
                version,
                email,
                email_verified: true,
                changed_at,
                by,
                client,
            });
        }
        ctx.send(&EndUserSessions { user_id: id, by, client });
        Ok(())
    }
}
