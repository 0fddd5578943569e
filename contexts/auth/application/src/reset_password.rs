//! A person who was mailed a link chooses a new password. All their sessions end, and no session is opened.

use crate::notices::complete_password_change;
use crate::{Action, Actor, AuditEvent, Auth, Authority, Credentials, Notice, UnitOfWork, UseCase, UseCaseError};
use auth_domain::{PasswordFlaw, PasswordHash, PasswordPolicy};
use identity::MailTokenHash;
use kernel::{RequestOrigin, Secret};
use use_case::Unavailable;

/// Choosing a new password by the token of a link.
pub struct ResetPassword<'a> {
    pub token: &'a MailTokenHash,
    pub password: &'a Secret,
    pub client: RequestOrigin,
    /// How the user is told; `None` while mail is off.
    pub notice: Option<Notice>,
}

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The token is unknown, used, expired or revoked: the caller must not learn which.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The password is not good enough. The token still works.
    #[error("the password is not good enough")]
    Flawed(Vec<PasswordFlaw>),
    /// Something does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ResetPassword<'_> {
    /// Checks the token, then the password, and sets it.
    ///
    /// # Errors
    /// [`ResetPasswordError`]
    pub async fn execute(
        self,
        policy: &PasswordPolicy,
        credentials: &dyn Credentials,
        unit_of_work: &impl UnitOfWork,
    ) -> Result<(), ResetPasswordError> {
        let Self { token, password, client, notice } = self;
        let email = credentials.identifier_by_token(token).await?.ok_or(ResetPasswordError::TokenInvalid)?;
        let flaws = policy.flaws(password, Some(&email), None);
        if !flaws.is_empty() {
            return Err(ResetPasswordError::Flawed(flaws));
        }
        let new = credentials.hash(password).await?;
        let set = SetPasswordByToken { token: *token, new, client, notice };
        if unit_of_work.run(set).await? { Ok(()) } else { Err(ResetPasswordError::TokenInvalid) }
    }
}

/// Uses the token and sets the password, in one transaction.
#[derive(Clone)]
struct SetPasswordByToken {
    token: MailTokenHash,
    new: PasswordHash,
    client: RequestOrigin,
    notice: Option<Notice>,
}

impl UseCase for SetPasswordByToken {
    /// `false` when the token no longer works.
    type Outcome = bool;

    /// The token is the proof.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<bool, Unavailable> {
        let Self { token, new, client, notice } = self;
        let Some(user) = store.use_reset_token(&token).await? else { return Ok(false) };
        store.set_credential(user, &new).await?;
        complete_password_change(store, user, None, notice, Actor::User(user)).await?;
        store.record(AuditEvent::own(Action::ResetPassword, user, client)).await?;
        Ok(true)
    }
}

impl From<UseCaseError> for ResetPasswordError {
    fn from(why: UseCaseError) -> Self {
        match why {
            // The step needs no authority.
            UseCaseError::Denied(denied) => Self::Unavailable(Unavailable::retry_later(denied)),
            UseCaseError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}
