//! A person removes their authenticator app.

use crate::second_factors::complete_factor_change;
use crate::{Action, AuditEvent, Auth, Authority, FactorChange, Notice, UseCase};
use auth_domain::SessionId;
use identity::UserId;
use use_case::Unavailable;

/// A use case: remove an authenticator app.
#[derive(Clone)]
pub struct RemoveTotp {
    pub user: UserId,
    pub session: SessionId,
    pub by: Authority,
    pub notice: Option<Notice>,
}

impl UseCase for RemoveTotp {
    /// `false` if there is none.
    type Outcome = bool;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<bool, Unavailable> {
        let Self { user, session, by, notice } = self;
        if !store.remove_totp(user).await? {
            return Ok(false);
        }
        let actor = by.actor();
        complete_factor_change(store, user, Some(session), FactorChange::TotpRemoved, notice, actor).await?;
        let event = AuditEvent::own(Action::RemoveFactor, user, by.client).within(session).about("totp");
        store.record(event).await?;
        Ok(true)
    }
}
