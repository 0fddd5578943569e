//! A person removes one of their passkeys.

use crate::second_factors::complete_factor_change;
use crate::{Action, AuditEvent, Auth, Authority, FactorChange, Notice, UseCase};
use auth_domain::{PasskeyId, SessionId};
use identity::UserId;
use use_case::Unavailable;

/// A use case: remove a passkey.
#[derive(Clone)]
pub struct RemovePasskey {
    pub user: UserId,
    pub session: SessionId,
    pub passkey: PasskeyId,
    pub by: Authority,
    pub notice: Option<Notice>,
}

impl UseCase for RemovePasskey {
    /// `false` if the user has no such passkey.
    type Outcome = bool;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<bool, Unavailable> {
        let Self { user, session, passkey, by, notice } = self;
        if !store.remove_passkey(user, passkey).await? {
            return Ok(false);
        }
        let actor = by.actor();
        complete_factor_change(store, user, Some(session), FactorChange::PasskeyRemoved, notice, actor).await?;
        let event = AuditEvent::own(Action::RemoveFactor, user, by.client).within(session);
        store.record(event.about(format!("passkey {passkey}"))).await?;
        Ok(true)
    }
}
