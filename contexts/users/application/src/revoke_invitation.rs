//! An administrator revokes an invitation: its links no longer work.

use crate::Users;
use contracts::{InvitationChange, RecordInvitation};
use identity::{InvitationId, UserId};
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::NoSuchInvitation;

/// A command: revoke an invitation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeInvitation {
    pub id: InvitationId,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

use_case::command!(RevokeInvitation, "users.revoke_invitation.v1", about: id);

impl Handle<dyn Users> for RevokeInvitation {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, by, client } = self;
        let mut invitation = ctx.store.load_invitation(id).await?.ok_or(NoSuchInvitation)?;
        if invitation.revoke()? {
            ctx.store.revoke_invitation(id).await?;
            ctx.send(&RecordInvitation { invitation: id, what: InvitationChange::Revoked, by, client });
        }
        Ok(())
    }
}
