//! A person signs in with an email address and a password, and gets a session, or a challenge if they have a second factor.

use crate::notices::notice_device;
use crate::{
    Action, Actor, AuditEvent, Auth, Authority, GuessError, Notice, PasswordPorts, RequestOrigin, SessionEnd,
    SignInChallenge, TokenHash, UnitOfWork, UseCase, VerifiedPassword,
};
use auth_domain::{AuthMethod, AuthMethods, Device, MOST_SESSIONS, Session, SessionId, SessionLife};
use identity::{Email, UserId};
use kernel::Secret;
use std::net::IpAddr;
use use_case::Unavailable;

/// Signing in.
pub struct SignIn<'a> {
    /// The address that the person registered with.
    pub email: &'a Email,
    /// The password.
    pub password: &'a Secret,
    /// The hash of the challenge, should the user have a second factor.
    pub challenge: TokenHash,
    /// The client's network address, by which guesses are limited.
    pub address: IpAddr,
    pub session: NewSession,
}

/// The session that a sign-in opens.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The hash of the session's first refresh token.
    pub token: TokenHash,
    /// Where the request comes from, for the audit log.
    pub client: RequestOrigin,
    /// How long the session may last.
    pub life: SessionLife,
    /// The device of the client, and how the user is told if it is not known; `None` while mail is off.
    pub device: Option<(Device, Notice)>,
}

/// The result of a right password.
#[derive(Debug)]
pub enum SignedIn {
    /// A session is open.
    Session(Session),
    /// The user has a second factor, and may prove it in one of these ways.
    Challenged(Vec<AuthMethod>),
}

/// The address is unknown, the password is wrong, or the person is deactivated: the caller must not learn which.
#[derive(Debug, thiserror::Error)]
#[error("wrong email address or password")]
pub struct WrongCredentials;

impl SignIn<'_> {
    /// Signs in. A failure is in the audit log before it is returned.
    ///
    /// # Errors
    /// [`GuessError`]
    pub async fn execute(
        self,
        ports: &PasswordPorts<'_, impl UnitOfWork>,
    ) -> Result<SignedIn, GuessError<WrongCredentials>> {
        let guess = ports.throttle.acquire(self.email, self.address).await?;
        match self.open_session(ports, guess.is_compared, guess.receipt.clone()).await {
            // The second factor gives the guess back.
            Ok(challenged @ SignedIn::Challenged(_)) => {
                guess.keep();
                Ok(challenged)
            }
            opened => guess.end(opened).await,
        }
    }

    async fn open_session(
        self,
        ports: &PasswordPorts<'_, impl UnitOfWork>,
        is_compared: bool,
        guess: Vec<u8>,
    ) -> Result<SignedIn, GuessError<WrongCredentials>> {
        let Self { email, password, challenge, session, .. } = self;
        let verify = ports.credentials.verify(email, password);
        let Some(verified) = ports.compare(is_compared, password, verify).await? else {
            let record = RecordWrongPassword { identifier: email.clone(), client: session.client };
            ports.unit_of_work.run(record).await?;
            return Err(GuessError::Rejected(WrongCredentials));
        };
        let open = OpenSession { verified, challenge, guess, session };
        ports.unit_of_work.run(open).await?.ok_or(GuessError::Rejected(WrongCredentials))
    }
}

/// Opens a session for a verified password, or stores a challenge.
#[derive(Clone)]
struct OpenSession {
    verified: VerifiedPassword,
    challenge: TokenHash,
    guess: Vec<u8>,
    session: NewSession,
}

impl UseCase for OpenSession {
    /// `None` when the person is deactivated, or the password was changed after it was verified.
    type Outcome = Option<SignedIn>;

    /// The password is the proof: [`Accounts::lock_for_sign_in`](crate::Accounts::lock_for_sign_in) checks it again.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Option<SignedIn>, Unavailable> {
        let Self { verified: VerifiedPassword { user, hash }, challenge, guess, session } = self;
        let event = AuditEvent::own(Action::SignIn, user, session.client.clone()).about(AuthMethod::Password.as_str());
        if !store.lock_for_sign_in(user, &hash).await? {
            store.record(event.refused("not_admitted")).await?;
            return Ok(None);
        }
        let factors = store.second_factors(user).await?;
        if factors.is_empty() {
            let opened = session.open(store, user, AuthMethods::of(AuthMethod::Password)).await?;
            return Ok(Some(SignedIn::Session(opened)));
        }
        store.add_challenge(&SignInChallenge { hash: challenge, user, guess }).await?;
        store.record(event.refused("second_factor_required")).await?;
        Ok(Some(SignedIn::Challenged(factors)))
    }
}

impl NewSession {
    /// Opens the session, in the transaction that has checked the user's proof under the lock of the account.
    pub(crate) async fn open(
        self,
        store: &mut dyn Auth,
        user: UserId,
        methods: AuthMethods,
    ) -> Result<Session, Unavailable> {
        let Self { token, client, life, device } = self;
        let event = AuditEvent::own(Action::SignIn, user, client.clone()).about(methods.to_string());
        let session = Session::open(SessionId::random(), user, store.now().await?, life, methods);
        store.open(&session, &token, &client).await?;
        store.end_oldest(user, MOST_SESSIONS, SessionEnd::CrowdedOut).await?;
        store.record(event.within(session.id)).await?;
        if let Some((device, notice)) = device {
            notice_device(store, user, &device, client.address, session.refreshed_at, notice).await?;
        }
        Ok(session)
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
