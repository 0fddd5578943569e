//! A person signs in with an email address and a password, and gets a session.

use crate::{
    Action, Actor, AuditEvent, Auth, Authority, GuessError, PasswordPorts, RequestOrigin, SessionEnd, Throttled,
    TokenHash, TooManyGuesses, UnitOfWork, UseCase, UseCaseError, VerifiedPassword,
};
use auth_domain::{MOST_SESSIONS, Session, SessionId, SessionLife};
use identity::Email;
use kernel::Secret;
use std::net::IpAddr;
use use_case::Unavailable;

/// Signing in.
pub struct SignIn<'a> {
    /// The address that the person registered with.
    pub email: &'a Email,
    /// The password.
    pub password: &'a Secret,
    /// The hash of the session's first refresh token.
    pub token: TokenHash,
    /// The client's network address, by which guesses are limited.
    pub address: IpAddr,
    /// Where the request comes from, for the audit log.
    pub client: RequestOrigin,
    /// How long the session may last.
    pub life: SessionLife,
}

/// Why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The address is unknown, the password is wrong, or the person is deactivated: the caller must not learn which.
    #[error("wrong email address or password")]
    WrongCredentials,
    /// There were too many guesses.
    #[error(transparent)]
    TooManyGuesses(#[from] TooManyGuesses),
    /// Something does not answer. This says nothing about the password.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl SignIn<'_> {
    /// Signs in. A failure is in the audit log before it is returned.
    ///
    /// # Errors
    /// [`SignInError`]
    pub async fn execute(self, ports: &PasswordPorts<'_, impl UnitOfWork>) -> Result<Session, SignInError> {
        let guess = ports.throttle.acquire(self.email, self.address).await?;
        let opened = self.open_session(ports, guess.is_compared).await;
        guess.end(opened).await
    }

    async fn open_session(
        self,
        ports: &PasswordPorts<'_, impl UnitOfWork>,
        is_compared: bool,
    ) -> Result<Session, SignInError> {
        let Self { email, password, token, client, life, .. } = self;
        let verify = ports.credentials.verify(email, password);
        let Some(verified) = ports.compare(is_compared, password, verify).await? else {
            ports.unit_of_work.run(RecordWrongPassword { identifier: email.clone(), client }).await?;
            return Err(SignInError::WrongCredentials);
        };
        let open = OpenSession { verified, token, client, life };
        ports.unit_of_work.run(open).await?.ok_or(SignInError::WrongCredentials)
    }
}

/// Opens a session for a verified password.
#[derive(Clone)]
struct OpenSession {
    verified: VerifiedPassword,
    token: TokenHash,
    client: RequestOrigin,
    life: SessionLife,
}

impl UseCase for OpenSession {
    /// `None` when the person is deactivated, or the password was changed after it was verified.
    type Outcome = Option<Session>;

    /// The password is the proof: [`Accounts::lock_for_sign_in`](crate::Accounts::lock_for_sign_in) checks it again.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Option<Session>, Unavailable> {
        let Self { verified: VerifiedPassword { user, hash }, token, client, life } = self;
        let event = AuditEvent::own(Action::SignIn, user, client.clone());
        if !store.lock_for_sign_in(user, &hash).await? {
            store.record(event.refused("not_admitted")).await?;
            return Ok(None);
        }
        let session = Session::open(SessionId::random(), user, store.now().await?, life);
        store.open(&session, &token, &client).await?;
        store.end_oldest(user, MOST_SESSIONS, SessionEnd::CrowdedOut).await?;
        store.record(event.within(session.id)).await?;
        Ok(Some(session))
    }
}

/// Records in the audit log that a password was wrong, or an address unknown.
#[derive(Clone)]
struct RecordWrongPassword {
    identifier: Email,
    client: RequestOrigin,
}

impl UseCase for RecordWrongPassword {
    type Outcome = ();

    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<(), Unavailable> {
        let user = store.identified_by(&self.identifier).await?;
        let event = AuditEvent::by(Actor::Anonymous, Action::SignIn, self.client).on(user);
        store.record(event.refused("wrong_credentials")).await
    }
}

impl GuessError for SignInError {
    fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<Throttled> for SignInError {
    fn from(why: Throttled) -> Self {
        match why {
            Throttled::TooMany(why) => Self::TooManyGuesses(why),
            Throttled::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<UseCaseError> for SignInError {
    fn from(why: UseCaseError) -> Self {
        match why {
            // Neither step needs an authority.
            UseCaseError::Denied(denied) => Self::Unavailable(Unavailable::retry_later(denied)),
            UseCaseError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}
