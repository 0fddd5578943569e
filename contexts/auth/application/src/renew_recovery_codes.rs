//! A person gets new recovery codes. The old ones stop working.

use crate::second_factors::complete_factor_change;
use crate::{Action, AuditEvent, Auth, Authority, FactorChange, Notice, RecoveryCodeHash, UseCase};
use auth_domain::{FactorConflict, SessionId};
use identity::UserId;
use use_case::Unavailable;

/// A use case: renew recovery codes.
#[derive(Clone)]
pub struct RenewRecoveryCodes {
    pub user: UserId,
    pub session: SessionId,
    /// The new codes.
    pub recovery: Vec<RecoveryCodeHash>,
    pub by: Authority,
    pub notice: Option<Notice>,
}

impl UseCase for RenewRecoveryCodes {
    type Outcome = Result<(), FactorConflict>;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let Self { user, session, recovery, by, notice } = self;
        if store.second_factors(user).await?.is_empty() {
            return Ok(Err(FactorConflict::NoSecondFactor));
        }
        store.set_recovery_codes(user, &recovery).await?;
        let actor = by.actor();
        complete_factor_change(store, user, Some(session), FactorChange::RecoveryCodesRenewed, notice, actor).await?;
        store.record(AuditEvent::own(Action::RenewRecoveryCodes, user, by.client).within(session)).await?;
        Ok(Ok(()))
    }
}
