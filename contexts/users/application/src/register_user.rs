//! A visitor becomes a user: the email is theirs alone, and the password is on its way to `auth`.

use crate::{Users, events};
use contracts::SetCredential;
use kernel::{Email, Sealed, UserId};
use serde::{Deserialize, Serialize};
use use_case::{HandlerContext, CommandFailure, Handle, Message};
use users_domain::{Name, User};

/// The command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterUser {
    /// Chosen at the edge, so that the password can be sealed for it.
    pub id: UserId,
    /// Their address.
    pub email: Email,
    /// What they are called.
    pub name: Option<Name>,
    /// Passed on unopened.
    pub password: Sealed,
}

impl Message for RegisterUser {
    const NAME: &'static str = "users.register_user.v1";
    type Failure = CommandFailure;
    fn subject(&self) -> uuid::Uuid {
        self.id.as_uuid()
    }
}

impl Handle<dyn Users> for RegisterUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let user = User::register(self.id, self.email, self.name, ctx.message.accepted_at);
        ctx.store.add(&user).await?;
        ctx.publish(&events::registered(&user));
        ctx.send(&SetCredential { user_id: self.id, password: self.password });
        Ok(())
    }
}
