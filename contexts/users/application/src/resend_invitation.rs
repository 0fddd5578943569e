//! An administrator sends an invitation again. It is extended, and the links of earlier mails still work.

use crate::Users;
use crate::invite_user::invitation_mail;
use crate::registrations::see_that_it_is_free;
use contracts::{InvitationChange, RecordInvitation};
use identity::{InvitationId, MailId, MailTokenHash, UserId};
use kernel::{RequestOrigin, Sealed};
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::NoSuchInvitation;

/// A command: send an invitation again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResendInvitation {
    pub id: InvitationId,
    pub mail: MailId,
    pub token_hash: MailTokenHash,
    /// Sealed for the mail.
    pub token: Sealed,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

use_case::command!(ResendInvitation, "users.resend_invitation.v1", about: id);

impl Handle<dyn Users> for ResendInvitation {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, mail, token_hash, token, by, client } = self;
        let invitation = ctx.store.load_invitation(id).await?.ok_or(NoSuchInvitation)?;
        let email = invitation.resend()?.clone();
        see_that_it_is_free(ctx.store, &email).await?;
        ctx.store.renew_invitation(id, token_hash).await?;
        ctx.send(&invitation_mail(mail, invitation.user, email, invitation.language, invitation.days, token));
        ctx.send(&RecordInvitation { invitation: id, what: InvitationChange::Resent, by, client });
        Ok(())
    }
}
