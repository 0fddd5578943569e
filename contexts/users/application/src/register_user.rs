//! A visitor registers as a user with an email address of their own, and the password is sent to `auth`.

use crate::Users;
use contracts::{SetCredential, UserRegistered};
use identity::{Email, UserId};
use kernel::Sealed;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::{Name, User, UserState};

/// A command: register a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterUser {
    /// Chosen by the client or the HTTP edge, which seals the password for this id.
    pub id: UserId,
    pub email: Email,
    pub name: Option<Name>,
    /// Sent on to `auth` without being opened.
    pub password: Sealed,
}

impl RegisterUser {
    /// A registration that gives only what every user has.
    #[must_use]
    pub const fn new(id: UserId, email: Email, password: Sealed) -> Self {
        Self { id, email, name: None, password }
    }
}

use_case::command!(RegisterUser, "users.register_user.v1", about: id);

impl Handle<dyn Users> for RegisterUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let user = User::register(self.id, self.email, self.name, ctx.message.accepted_at);
        ctx.store.add(&user).await?;
        ctx.publish(&registered(&user));
        ctx.send(&SetCredential { user_id: self.id, password: self.password });
        Ok(())
    }
}

/// The event for other contexts, from the state of the new user.
pub(crate) fn registered(user: &User) -> UserRegistered {
    // Names every field, so that a new field is published or left out on purpose.
    let UserState { id, email, name, version, registered_at, deactivated_at: _, email_verified, email_version: _ } =
        user.state().clone();
    UserRegistered {
        user_id: id,
        version,
        email,
        name: name.map(String::from),
        registered_at,
        email_verified,
        role: None,
        invited_by: None,
    }
}
