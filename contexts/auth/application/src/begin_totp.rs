//! A person begins to enrol an authenticator app. It counts once a code confirms it.

use crate::{Auth, Authority, SealedTotpSecret, UseCase};
use auth_domain::FactorConflict;
use identity::UserId;
use use_case::Unavailable;

/// A use case: begin the enrolment of an authenticator app.
#[derive(Clone)]
pub struct BeginTotp {
    pub user: UserId,
    pub secret: SealedTotpSecret,
    pub by: Authority,
}

impl UseCase for BeginTotp {
    type Outcome = Result<(), FactorConflict>;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let has_begun = store.begin_totp(self.user, &self.secret).await?;
        Ok(if has_begun { Ok(()) } else { Err(FactorConflict::TotpEnrolled) })
    }
}
