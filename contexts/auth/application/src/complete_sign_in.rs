//! A person whose password was right proves the second factor, and gets a session.

use crate::second_factors::{notice_recovery_code, use_code};
use crate::{
    Action, AuditEvent, Auth, Authority, FactorCodes, GuessError, NewSession, Notice, PasswordPorts, SignInChallenge,
    TokenHash, UnitOfWork, UseCase,
};
use auth_domain::{AuthMethod, AuthMethods, SecondFactorCode, Session};
use std::net::IpAddr;
use std::sync::Arc;
use use_case::Unavailable;

/// Completing a sign-in by a code.
pub struct CompleteSignIn {
    pub challenge: TokenHash,
    pub code: SecondFactorCode,
    pub codes: Arc<dyn FactorCodes>,
    /// The client's network address, by which guesses are limited.
    pub address: IpAddr,
    pub session: NewSession,
    /// How the user is told that a recovery code was used; `None` while mail is off.
    pub notice: Option<Notice>,
}

/// Why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum CompleteSignInError {
    /// The challenge is unknown, used, expired or revoked: the password comes first again.
    #[error("the challenge is not valid")]
    ChallengeInvalid,
    #[error("the code is wrong")]
    WrongCode,
}

impl CompleteSignIn {
    /// Compares the code. A wrong one is in the audit log before it is returned, and the challenge stays.
    ///
    /// # Errors
    /// [`GuessError`]
    pub async fn execute(
        self,
        ports: &PasswordPorts<'_, impl UnitOfWork>,
    ) -> Result<Session, GuessError<CompleteSignInError>> {
        let user = ports.credentials.user_of_challenge(&self.challenge).await?;
        let user = user.ok_or(GuessError::Rejected(CompleteSignInError::ChallengeInvalid))?;
        let guess = ports.throttle.acquire_code(user, self.address).await?;
        let Self { challenge, code, codes, session, notice, .. } = self;
        let open = OpenSession { challenge, code, codes, session, notice };
        let opened = GuessError::flatten(ports.unit_of_work.run(open).await);
        let (session, password_guess) = guess.end(opened).await?;
        ports.throttle.refund(&password_guess).await;
        Ok(session)
    }
}

/// Uses the code and the challenge up and opens the session, in one transaction.
#[derive(Clone)]
struct OpenSession {
    challenge: TokenHash,
    code: SecondFactorCode,
    codes: Arc<dyn FactorCodes>,
    session: NewSession,
    notice: Option<Notice>,
}

impl UseCase for OpenSession {
    /// The session, and the guess at the password.
    type Outcome = Result<(Session, Vec<u8>), CompleteSignInError>;

    /// The challenge and the code are the proof.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let Self { challenge, code, codes, session, notice } = self;
        let Some(SignInChallenge { user, guess, .. }) = store.lock_challenge(&challenge).await? else {
            return Ok(Err(CompleteSignInError::ChallengeInvalid));
        };
        let Some(method) = use_code(store, &*codes, user, &code).await? else {
            let event = AuditEvent::own(Action::SignIn, user, session.client).about("second_factor");
            store.record(event.refused("wrong_code")).await?;
            return Ok(Err(CompleteSignInError::WrongCode));
        };
        store.end_challenge(&challenge).await?;
        if method == AuthMethod::RecoveryCode {
            notice_recovery_code(store, user, notice).await?;
        }
        let methods = AuthMethods::of(AuthMethod::Password).and(method);
        Ok(Ok((session.open(store, user, methods).await?, guess)))
    }
}
