//! A person confirms a new authenticator app by its first code, and gets recovery codes.

use crate::second_factors::complete_factor_change;
use crate::{
    Action, AuditEvent, Auth, Authority, FactorChange, FactorCodes, GuessError, LoginThrottle, Notice,
    RecoveryCodeHash, UnitOfWork, UseCase,
};
use auth_domain::{FactorConflict, SecondFactorCode, SessionId, acceptable_steps};
use identity::UserId;
use std::net::IpAddr;
use std::sync::Arc;
use use_case::Unavailable;

/// A use case: confirm an authenticator app.
#[derive(Clone)]
pub struct ConfirmTotp {
    pub user: UserId,
    pub session: SessionId,
    pub code: SecondFactorCode,
    /// The new recovery codes.
    pub recovery: Vec<RecoveryCodeHash>,
    pub codes: Arc<dyn FactorCodes>,
    pub address: IpAddr,
    pub by: Authority,
    pub notice: Option<Notice>,
}

/// Why no app was enrolled.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmTotpError {
    #[error("the code is wrong")]
    WrongCode,
    #[error(transparent)]
    Conflict(#[from] FactorConflict),
}

impl ConfirmTotp {
    /// Compares the code and enrols the app.
    ///
    /// # Errors
    /// [`GuessError`]
    pub async fn confirm(
        self,
        throttle: &dyn LoginThrottle,
        unit_of_work: &impl UnitOfWork,
    ) -> Result<(), GuessError<ConfirmTotpError>> {
        let guess = throttle.acquire_code(self.user, self.address).await?;
        guess.end(GuessError::flatten(unit_of_work.run(self).await)).await
    }
}

impl UseCase for ConfirmTotp {
    type Outcome = Result<(), ConfirmTotpError>;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let Self { user, session, code, recovery, codes, by, notice, .. } = self;
        let Some(secret) = store.begun_totp(user).await? else {
            return Ok(Err(FactorConflict::NoEnrolment.into()));
        };
        let actor = by.actor();
        let event = AuditEvent::own(Action::AddFactor, user, by.client).within(session).about("totp");
        let step = match &code {
            SecondFactorCode::Totp(digits) => {
                let steps: Vec<_> = acceptable_steps(store.now().await?, None).collect();
                codes.step_of_code(user, &secret, digits, &steps)?
            }
            SecondFactorCode::Recovery(_) => None,
        };
        let Some(step) = step else {
            store.record(event.refused("wrong_code")).await?;
            return Ok(Err(ConfirmTotpError::WrongCode));
        };
        store.confirm_totp(user, step).await?;
        store.set_recovery_codes(user, &recovery).await?;
        complete_factor_change(store, user, Some(session), FactorChange::TotpAdded, notice, actor).await?;
        store.record(event).await?;
        Ok(Ok(()))
    }
}
