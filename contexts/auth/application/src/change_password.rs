//! A person changes their password. All their other sessions end, since a thief of the old password may be in them.

use crate::confirm_password::RecordWrongPassword;
use crate::notices::complete_password_change;
use crate::{
    Action, AuditEvent, Auth, Authority, GuessError, Notice, PasswordPorts, UnitOfWork, UseCase, VerifiedPassword,
};
use auth_domain::{PasswordFlaw, PasswordHash, PasswordPolicy, SessionId};
use identity::{Email, UserId};
use kernel::Secret;
use std::net::IpAddr;
use use_case::Unavailable;

/// Changing a password.
pub struct ChangePassword<'a> {
    /// The person.
    pub user: UserId,
    /// The session that goes on.
    pub session: SessionId,
    /// The address that the person signs in with.
    pub email: &'a Email,
    /// The password that the person has.
    pub current: &'a Secret,
    /// The password that the person wants.
    pub new: &'a Secret,
    /// The client's network address, by which guesses are limited.
    pub address: IpAddr,
    /// On whose authority.
    pub by: Authority,
    /// How the user is told; `None` while mail is off.
    pub notice: Option<Notice>,
}

/// Why the password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The new password is not good enough.
    #[error("the new password is not good enough")]
    Flawed(Vec<PasswordFlaw>),
    /// The current password is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Another request changed the password first.
    #[error("another request changed the password first")]
    ChangedMeanwhile,
}

impl ChangePassword<'_> {
    /// Changes the password. A wrong current password is in the audit log before it is returned.
    ///
    /// # Errors
    /// [`GuessError`]
    pub async fn execute(
        self,
        policy: &PasswordPolicy,
        ports: &PasswordPorts<'_, impl UnitOfWork>,
    ) -> Result<(), GuessError<ChangePasswordError>> {
        let flaws = policy.flaws_of_change(self.new, Some(self.current), self.email);
        if !flaws.is_empty() {
            return Err(GuessError::Rejected(ChangePasswordError::Flawed(flaws)));
        }
        let guess = ports.throttle.acquire(self.email, self.address).await?;
        let changed = self.verify_and_replace(ports, guess.is_compared).await;
        guess.end(changed).await
    }

    async fn verify_and_replace(
        self,
        ports: &PasswordPorts<'_, impl UnitOfWork>,
        is_compared: bool,
    ) -> Result<(), GuessError<ChangePasswordError>> {
        let Self { user, session, current, new, by, notice, .. } = self;
        let verify = ports.credentials.verify_of(user, current);
        let Some(verified) = ports.compare(is_compared, current, verify).await? else {
            let record = RecordWrongPassword { action: Action::ChangePassword, user, session, by };
            ports.unit_of_work.run(record).await?;
            return Err(GuessError::Rejected(ChangePasswordError::WrongPassword));
        };
        let new = ports.credentials.hash(new).await?;
        let replace = ReplacePassword { verified, new, session, by, notice };
        let is_replaced = ports.unit_of_work.run(replace).await?;
        if is_replaced { Ok(()) } else { Err(GuessError::Rejected(ChangePasswordError::ChangedMeanwhile)) }
    }
}

/// Replaces a verified password.
#[derive(Clone)]
struct ReplacePassword {
    verified: VerifiedPassword,
    new: PasswordHash,
    session: SessionId,
    by: Authority,
    notice: Option<Notice>,
}

impl UseCase for ReplacePassword {
    /// `false` when the verified password is no longer the stored one.
    type Outcome = bool;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<bool, Unavailable> {
        let Self { verified: VerifiedPassword { user, hash }, new, session, by, notice } = self;
        let actor = by.actor();
        let event = AuditEvent::own(Action::ChangePassword, user, by.client).within(session);
        if !store.replace_credential(user, &hash, &new).await? {
            store.record(event.refused("changed_meanwhile")).await?;
            return Ok(false);
        }
        complete_password_change(store, user, Some(session), notice, actor).await?;
        store.record(event).await?;
        Ok(true)
    }
}
