//! An administrator has invited a person, sent an invitation again or revoked it: the audit log says so.

use crate::{Action, AuditEvent, Auth};
use contracts::InvitationChange;
use use_case::{FollowUpFailure, Handle, HandlerContext};

pub use contracts::RecordInvitation;

impl Handle<dyn Auth, FollowUpFailure> for RecordInvitation {
    async fn handle(self, ctx: HandlerContext<'_, dyn Auth>) -> Result<(), FollowUpFailure> {
        let Self { invitation, what, by, client } = self;
        let action = match what {
            InvitationChange::Created => Action::Invite,
            InvitationChange::Resent => Action::ResendInvitation,
            InvitationChange::Revoked => Action::RevokeInvitation,
        };
        let event = AuditEvent::commanded(by, client, action, ctx.message.root);
        ctx.store.record(event.about(invitation.to_string())).await?;
        Ok(())
    }
}
