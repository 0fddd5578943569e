//! A visitor confirms a registration by the link of its mail, and chooses a password.

use crate::Users;
use crate::register_user::registered;
use contracts::SetCredential;
use identity::{MailTokenHash, UserId};
use kernel::Sealed;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::{TokenInvalid, User};

/// A command: register the user of a pending registration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConfirmRegistration {
    /// The id of the pending registration, which becomes that of the user.
    pub id: UserId,
    pub token_hash: MailTokenHash,
    /// Sent on to `auth` without being opened.
    pub password: Sealed,
}

use_case::command!(ConfirmRegistration, "users.confirm_registration.v1", about: id);

impl Handle<dyn Users> for ConfirmRegistration {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, token_hash, password } = self;
        let (email, name) = ctx.store.confirm(id, token_hash).await?.ok_or(TokenInvalid)?;
        let user = User::register_verified(id, email, name, ctx.message.accepted_at);
        ctx.store.add_verified(&user).await?;
        ctx.publish(&registered(&user));
        ctx.send(&SetCredential { user_id: id, password });
        Ok(())
    }
}
