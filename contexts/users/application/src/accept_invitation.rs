//! A person accepts an invitation by the link of its mail, and chooses a password.

use crate::Users;
use crate::register_user::registered;
use contracts::{SetCredential, UserRegistered};
use identity::{InvitationId, MailTokenHash, UserId};
use kernel::Sealed;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::{Name, TokenInvalid, User, UserRole};

/// A command: register an invited user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AcceptInvitation {
    /// The id of the new user, which the invitation has.
    pub id: UserId,
    pub invitation: InvitationId,
    pub token_hash: MailTokenHash,
    pub name: Option<Name>,
    /// Sent on to `auth` without being opened.
    pub password: Sealed,
}

use_case::command!(AcceptInvitation, "users.accept_invitation.v1", about: id);

impl Handle<dyn Users> for AcceptInvitation {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, invitation, token_hash, name, password } = self;
        let accepted = ctx.store.accept_invitation(invitation, token_hash).await?.ok_or(TokenInvalid)?;
        let user = User::register_verified(id, accepted.email, name, ctx.message.accepted_at);
        ctx.store.add_verified(&user).await?;
        // Every account begins with the role `user`.
        let is_admin = accepted.role == UserRole::Admin;
        ctx.publish(&UserRegistered {
            email_verified: true,
            role: is_admin.then(|| accepted.role.as_str().to_owned()),
            invited_by: accepted.invited_by.filter(|_| is_admin),
            ..registered(&user)
        });
        ctx.send(&SetCredential { user_id: id, password });
        Ok(())
    }
}
