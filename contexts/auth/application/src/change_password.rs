//! Somebody changes their password: the other sessions end, since whoever had the old one may be in them.

use crate::{Action, AuditEvent, Auth, Authority, SessionEnd, UseCase, VerifiedPassword};
use auth_domain::{PasswordHash, SessionId};
use use_case::Unavailable;

/// After the current password was found right, and the new one good.
#[derive(Clone)]
pub struct ChangePassword {
    /// Whose, and the hash of the current one.
    pub verified: VerifiedPassword,
    /// The hash of the new one.
    pub new: PasswordHash,
    /// The session that goes on.
    pub session: SessionId,
    /// On whose authority.
    pub by: Authority,
}

impl UseCase for ChangePassword {
    /// Whether it was changed: not when another change came first.
    type Outcome = bool;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<bool, Unavailable> {
        let Self { verified: VerifiedPassword { user, hash }, new, session, by } = self;
        let event = AuditEvent::own(Action::ChangePassword, user, by.client).within(session);
        if !store.replace_credential(user, &hash, &new).await? {
            store.record(event.refused("changed_meanwhile")).await?;
            return Ok(false);
        }
        store.end_others(user, Some(session), SessionEnd::PasswordChanged).await?;
        store.record(event).await?;
        Ok(true)
    }
}
