//! A person who has signed in proves once more who they are, so that the session may do what needs a fresh proof.

use crate::second_factors::{notice_recovery_code, use_code, use_passkey};
use crate::{
    Action, AuditEvent, Auth, Authority, FactorCodes, GuessError, Notice, PasskeyCeremonies, PasskeyResponse,
    PasswordPorts, UnitOfWork, UseCase, VerifiedPassword,
};
use auth_domain::{AssuranceLevel, AuthMethod, SecondFactorCode, SessionId};
use identity::{Email, UserId};
use kernel::Secret;
use std::net::IpAddr;
use std::sync::Arc;
use use_case::Unavailable;

/// Stepping a session up.
pub struct StepUp<'a> {
    pub user: UserId,
    pub session: SessionId,
    /// The address that the person signs in with.
    pub email: &'a Email,
    /// Needed by a user without a second factor.
    pub password: Option<&'a Secret>,
    /// Needed by a user with a second factor, if there is no passkey.
    pub code: Option<SecondFactorCode>,
    /// What the browser returned for a passkey, in place of a code.
    pub passkey: Option<PasskeyResponse>,
    pub ceremonies: Arc<dyn PasskeyCeremonies>,
    pub codes: Arc<dyn FactorCodes>,
    pub address: IpAddr,
    pub by: Authority,
    /// How the user is told that a recovery code was used; `None` while mail is off.
    pub notice: Option<Notice>,
}

/// Why the session was not stepped up.
#[derive(Debug, thiserror::Error)]
pub enum StepUpError {
    /// The user has no second factor, so the password is needed.
    #[error("the password is needed")]
    PasswordNeeded,
    /// The user has a second factor, so a code is needed.
    #[error("a code is needed")]
    CodeNeeded,
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the code is wrong")]
    WrongCode,
    #[error("the passkey is unknown, or refused")]
    WrongPasskey,
}

impl StepUp<'_> {
    /// Compares what was given, and steps the session up.
    ///
    /// # Errors
    /// [`GuessError`]
    pub async fn execute(self, ports: &PasswordPorts<'_, impl UnitOfWork>) -> Result<(), GuessError<StepUpError>> {
        let Some(password) = self.password else { return self.compare_code(ports, None).await };
        let guess = ports.throttle.acquire(self.email, self.address).await?;
        let verify = ports.credentials.verify_of(self.user, password);
        let stepped_up = match ports.compare(guess.is_compared, password, verify).await {
            Ok(verified) => self.compare_code(ports, Some(verified)).await,
            Err(why) => Err(why.into()),
        };
        guess.end(stepped_up).await
    }

    /// `verified` is the result for a given password.
    async fn compare_code(
        self,
        ports: &PasswordPorts<'_, impl UnitOfWork>,
        verified: Option<Option<VerifiedPassword>>,
    ) -> Result<(), GuessError<StepUpError>> {
        let Self { user, session, code, passkey, ceremonies, codes, by, notice, address, .. } = self;
        let guess = match &code {
            Some(_) => Some(ports.throttle.acquire_code(user, address).await?),
            None => None,
        };
        let raise = RaiseSession { user, session, verified, code, passkey, ceremonies, codes, by, notice };
        let raised = GuessError::flatten(ports.unit_of_work.run(raise).await);
        match guess {
            Some(guess) => guess.end(raised).await,
            None => raised,
        }
    }
}

/// Raises the session, under the lock of the account.
#[derive(Clone)]
struct RaiseSession {
    user: UserId,
    session: SessionId,
    verified: Option<Option<VerifiedPassword>>,
    code: Option<SecondFactorCode>,
    passkey: Option<PasskeyResponse>,
    ceremonies: Arc<dyn PasskeyCeremonies>,
    codes: Arc<dyn FactorCodes>,
    by: Authority,
    notice: Option<Notice>,
}

impl UseCase for RaiseSession {
    type Outcome = Result<(), StepUpError>;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let Self { user, session, verified, code, passkey, ceremonies, codes, by, notice } = self;
        let event = AuditEvent::own(Action::StepUp, user, by.client).within(session);
        let is_password_right = match verified {
            None => false,
            Some(Some(VerifiedPassword { hash, .. })) if store.lock_for_sign_in(user, &hash).await? => true,
            Some(_) => {
                store.record(event.about(AuthMethod::Password.as_str()).refused("wrong_credentials")).await?;
                return Ok(Err(StepUpError::WrongPassword));
            }
        };
        let has_second_factor = !store.second_factors(user).await?.is_empty();
        let methods = store.methods_of(session).await?;
        let (method, level) = match (passkey, code) {
            (Some(response), _) => {
                let used = use_passkey(store, &*ceremonies, &response).await?;
                // The passkey alone raises the session, so the authenticator must have verified the user.
                if !used.is_ok_and(|(passkey, used)| passkey.user == user && used.is_user_verified) {
                    store.record(event.about(AuthMethod::Passkey.as_str()).refused("wrong_passkey")).await?;
                    return Ok(Err(StepUpError::WrongPasskey));
                }
                (AuthMethod::Passkey, AssuranceLevel::Two)
            }
            (None, None) if has_second_factor => return Ok(Err(StepUpError::CodeNeeded)),
            (None, None) if is_password_right => (AuthMethod::Password, AssuranceLevel::One),
            (None, None) => return Ok(Err(StepUpError::PasswordNeeded)),
            (None, Some(code)) => match use_code(store, &*codes, user, &code).await? {
                Some(method) => (method, AssuranceLevel::Two),
                None => {
                    store.record(event.about("second_factor").refused("wrong_code")).await?;
                    return Ok(Err(StepUpError::WrongCode));
                }
            },
        };
        if method == AuthMethod::RecoveryCode {
            notice_recovery_code(store, user, notice).await?;
        }
        store.raise_session(session, methods.and(method), level).await?;
        store.record(event.about(method.as_str())).await?;
        Ok(Ok(()))
    }
}
