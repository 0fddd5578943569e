//! A person signs in with a passkey: alone, or as the second factor after the password.

use crate::second_factors::{PasskeyFailure, use_passkey};
use crate::{
    Action, Actor, AuditEvent, Auth, Authority, LoginThrottle, NewSession, PasskeyCeremonies, PasskeyRefused,
    PasskeyResponse, SignInChallenge, TokenHash, UnitOfWork, UseCase, UseCaseError,
};
use auth_domain::{AuthMethod, AuthMethods, Session};
use std::sync::Arc;
use use_case::Unavailable;

/// Signing in with a passkey.
#[derive(Clone)]
pub struct SignInWithPasskey {
    pub response: PasskeyResponse,
    /// The challenge of a sign-in whose password was right; `None` if the passkey comes alone.
    pub after_password: Option<TokenHash>,
    pub ceremonies: Arc<dyn PasskeyCeremonies>,
    pub session: NewSession,
}

/// Why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum PasskeySignInError {
    /// There is no such passkey: the browser may forget it.
    #[error("the passkey is unknown")]
    Unknown,
    #[error(transparent)]
    Refused(#[from] PasskeyRefused),
}

impl SignInWithPasskey {
    /// Verifies the passkey and opens a session.
    ///
    /// # Errors
    /// [`UseCaseError`]; the outcome has the reason of a refusal.
    pub async fn sign_in(
        self,
        throttle: &dyn LoginThrottle,
        unit_of_work: &impl UnitOfWork,
    ) -> Result<Result<Session, PasskeySignInError>, UseCaseError> {
        match unit_of_work.run(self).await? {
            Ok((session, guess)) => {
                if let Some(guess) = guess {
                    throttle.refund(&guess).await;
                }
                Ok(Ok(session))
            }
            Err(why) => Ok(Err(why)),
        }
    }
}

impl UseCase for SignInWithPasskey {
    /// The session, and the guess at the password.
    type Outcome = Result<(Session, Option<Vec<u8>>), PasskeySignInError>;

    /// The passkey is the proof.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let Self { response, after_password, ceremonies, session } = self;
        let event = AuditEvent::by(Actor::Anonymous, Action::SignIn, session.client.clone()).about("passkey");
        let (passkey, used) = match use_passkey(store, &*ceremonies, &response).await? {
            Ok(used) => used,
            Err(PasskeyFailure { user, why }) => {
                store
                    .record(event.on(user).refused(why.map_or("unknown_passkey", |PasskeyRefused(code)| code)))
                    .await?;
                return Ok(Err(why.map_or(PasskeySignInError::Unknown, PasskeySignInError::Refused)));
            }
        };
        let user = passkey.user;
        let (methods, guess) = match after_password {
            None if used.is_user_verified => (AuthMethods::of(AuthMethod::Passkey), None),
            None => {
                store.record(event.on(user).refused("user_not_verified")).await?;
                return Ok(Err(PasskeyRefused("user_not_verified").into()));
            }
            Some(challenge) => match store.lock_challenge(&challenge).await? {
                Some(SignInChallenge { user: challenged, guess, .. }) if challenged == user => {
                    store.end_challenge(&challenge).await?;
                    (AuthMethods::of(AuthMethod::Password).and(AuthMethod::Passkey), Some(guess))
                }
                _ => {
                    store.record(event.on(user).refused("wrong_challenge")).await?;
                    return Ok(Err(PasskeyRefused("wrong_challenge").into()));
                }
            },
        };
        Ok(Ok((session.open(store, user, methods).await?, guess)))
    }
}
