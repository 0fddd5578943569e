//! A person who has signed in confirms their password, before a change that a thief of their session must not make.

use crate::{Action, AuditEvent, Auth, Authority, GuessError, PasswordPorts, UnitOfWork, UseCase};
use auth_domain::SessionId;
use identity::{Email, UserId};
use kernel::Secret;
use std::net::IpAddr;
use use_case::Unavailable;

/// Confirming a password.
pub struct ConfirmPassword<'a> {
    /// The person.
    pub user: UserId,
    /// The session of the request.
    pub session: SessionId,
    /// The address that the person signs in with.
    pub email: &'a Email,
    pub password: &'a Secret,
    /// The client's network address, by which guesses are limited.
    pub address: IpAddr,
    /// On whose authority.
    pub by: Authority,
}

/// The password is wrong.
#[derive(Debug, thiserror::Error)]
#[error("the password is wrong")]
pub struct WrongPassword;

impl ConfirmPassword<'_> {
    /// Compares the password. A wrong one is in the audit log before it is returned. If the session has ended, the
    /// caller does not learn which it was, and the guess counts.
    ///
    /// # Errors
    /// [`GuessError`]
    pub async fn execute(self, ports: &PasswordPorts<'_, impl UnitOfWork>) -> Result<(), GuessError<WrongPassword>> {
        let guess = ports.throttle.acquire(self.email, self.address).await?;
        let confirmed = self.compare(ports, guess.is_compared).await;
        guess.end(confirmed).await
    }

    async fn compare(
        self,
        ports: &PasswordPorts<'_, impl UnitOfWork>,
        is_compared: bool,
    ) -> Result<(), GuessError<WrongPassword>> {
        let Self { user, session, password, by, .. } = self;
        let verify = ports.credentials.verify_of(user, password);
        if ports.compare(is_compared, password, verify).await?.is_some() {
            return Ok(ports.unit_of_work.run(ConfirmAuthority { by }).await?);
        }
        let record = RecordWrongPassword { action: Action::ConfirmPassword, user, session, by };
        ports.unit_of_work.run(record).await?;
        Err(GuessError::Rejected(WrongPassword))
    }
}

/// Checks that the session of the request has not ended meanwhile.
#[derive(Clone)]
struct ConfirmAuthority {
    by: Authority,
}

impl UseCase for ConfirmAuthority {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, _: &mut dyn Auth) -> Result<(), Unavailable> {
        Ok(())
    }
}

/// Records in the audit log that the current password was wrong. It needs the authority too: a caller whose session
/// has ended does not learn whether the password was right.
#[derive(Clone)]
pub(crate) struct RecordWrongPassword {
    pub(crate) action: Action,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) by: Authority,
}

impl UseCase for RecordWrongPassword {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let event = AuditEvent::own(self.action, self.user, self.by.client).within(self.session);
        store.record(event.refused("wrong_credentials")).await
    }
}
