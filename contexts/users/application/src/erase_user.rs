//! A user, or an administrator, erases the user's account and everything that Roster holds on the user.

use crate::Users;
use contracts::{EraseMails, UserErased};
use identity::UserId;
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::{ErasureReason, NoSuchUser, Tombstone};

/// A command: erase a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EraseUser {
    pub id: UserId,
    /// The person who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
    /// Why an administrator or operator erases the user.
    pub reason: Option<ErasureReason>,
}

use_case::command!(EraseUser, "users.erase_user.v1", about: id);

impl Handle<dyn Users> for EraseUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        self.erase(&mut ctx).await
    }
}

impl EraseUser {
    /// Erases the user within a command about this user or about many.
    pub(crate) async fn erase(self, ctx: &mut HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, by, client, reason } = self;
        let user = ctx.store.load(id).await?.ok_or(NoSuchUser)?;
        let tombstone = user.erase(ctx.message.accepted_at);
        ctx.store.withdraw_access(id, tombstone.version).await?;
        for expected in ctx.store.erase(&tombstone).await? {
            ctx.erase_subject(expected.as_uuid());
            ctx.send(&EraseMails { user_id: expected });
        }
        ctx.erase_subject(id.as_uuid());
        let Tombstone { id: user_id, version, erased_at } = tombstone;
        // The address of a user who erases themself is their personal data.
        let client = client.filter(|_| by != Some(id));
        ctx.publish(&UserErased { user_id, version, erased_at, by, client, reason: reason.map(String::from) });
        Ok(())
    }
}
