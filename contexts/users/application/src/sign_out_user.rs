//! An administrator signs a user out everywhere. The user may sign in again.

use crate::Users;
use contracts::EndUserSessions;
use identity::UserId;
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::NoSuchUser;

/// A command: end all sessions of a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignOutUser {
    pub id: UserId,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

use_case::command!(SignOutUser, "users.sign_out_user.v1", about: id);

impl Handle<dyn Users> for SignOutUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, by, client } = self;
        ctx.store.load(id).await?.ok_or(NoSuchUser)?;
        ctx.send(&EndUserSessions { user_id: id, by, client });
        Ok(())
    }
}
