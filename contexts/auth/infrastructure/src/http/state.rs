use crate::sql::unit_of_work::not_run;
use crate::tokens::{AccessTokens, TokenError};
use crate::{Authenticator, FactorKeys, InstallationFactorCodes, SqlLoginThrottle, SqlUnitOfWork, WebauthnCeremonies};
use auth_application::{
    Credentials, FactorCodes, GuessError, Notice, PasskeyCeremonies, PasswordPorts, TooManyGuesses, UnitOfWork as _,
    UseCase, UseCaseError,
};
use auth_domain::{PasswordPolicy, SessionLife};
use mail_access::MailTokens;
use persistence::Db;
use std::sync::Arc;
use web::{Language, Problem, RateLimiter};
use webauthn::RelyingParty;

/// What the routes of this context use.
#[derive(Clone)]
pub struct AuthState {
    pub(crate) db: Db,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) throttle: Arc<SqlLoginThrottle>,
    pub(crate) unit_of_work: SqlUnitOfWork,
    pub(crate) authenticator: Authenticator,
    pub(crate) tokens: AccessTokens,
    pub(crate) policy: PasswordPolicy,
    pub(crate) life: SessionLife,
    /// The label of a refresh token's encrypted successor.
    pub(crate) successor_label: &'static [u8],
    pub(crate) limits: RateLimiter,
    pub(crate) mail: MailTokens,
    pub(crate) factor_keys: FactorKeys,
    pub(crate) codes: Arc<dyn FactorCodes>,
    pub(crate) ceremonies: Arc<dyn PasskeyCeremonies>,
    pub(crate) party: Option<Arc<RelyingParty>>,
    /// The name of the service that authenticator apps show.
    pub(crate) service: &'static str,
}

/// What routes need for second factors.
pub struct FactorServices {
    pub keys: FactorKeys,
    /// The domain of passkeys; `None` if there is none.
    pub party: Option<Arc<RelyingParty>>,
    /// The name of the service that authenticator apps show.
    pub service: &'static str,
}

impl AuthState {
    /// The state of routes that share an authenticator.
    #[must_use]
    pub fn new(
        authenticator: Authenticator,
        credentials: Arc<dyn Credentials>,
        policy: PasswordPolicy,
        life: SessionLife,
        successor_label: &'static [u8],
        mail: MailTokens,
        factors: FactorServices,
    ) -> Self {
        let (db, limits) = (authenticator.db.clone(), authenticator.limits.clone());
        Self {
            throttle: Arc::new(SqlLoginThrottle::new(db.clone(), limits.clone())),
            unit_of_work: SqlUnitOfWork::new(db.clone(), authenticator.denials.clone()),
            tokens: authenticator.tokens.clone(),
            db,
            limits,
            authenticator,
            credentials,
            policy,
            life,
            successor_label,
            mail,
            codes: Arc::new(InstallationFactorCodes(factors.keys.clone())),
            factor_keys: factors.keys,
            ceremonies: Arc::new(WebauthnCeremonies(factors.party.clone())),
            party: factors.party,
            service: factors.service,
        }
    }

    /// What use cases that compare a password need.
    pub(crate) fn password_ports(&self) -> PasswordPorts<'_, SqlUnitOfWork> {
        PasswordPorts { credentials: &*self.credentials, throttle: &*self.throttle, unit_of_work: &self.unit_of_work }
    }

    /// How a user is told of a change by mail; `None` while mail is off.
    pub(crate) fn notice(&self, Language(language): Language) -> Option<Notice> {
        self.mail.is_mail_on().then_some(Notice { language })
    }

    /// Runs a use case in a transaction of its own.
    ///
    /// # Errors
    /// [`UseCaseError`]
    pub(crate) async fn run<U: UseCase + Clone>(&self, use_case: U) -> Result<U::Outcome, UseCaseError> {
        self.unit_of_work.run(use_case).await
    }
}

/// The answer to a request whose password or code was not accepted; `rejected` says what a rejection means.
pub(crate) fn guess_failed<R>(why: GuessError<R>, rejected: impl FnOnce(R) -> Problem) -> Problem {
    match why {
        GuessError::Rejected(why) => rejected(why),
        GuessError::TooManyGuesses(why) => too_many_guesses(why),
        GuessError::Denied(why) => not_run(why),
        GuessError::Unavailable(why) => not_run(why),
    }
}

/// 429.
pub(crate) fn too_many_guesses(TooManyGuesses { retry_after }: TooManyGuesses) -> Problem {
    Problem::too_many_requests(retry_after)
}

/// 500.
pub(crate) fn no_token(why: TokenError) -> Problem {
    tracing::error!(%why, "no token can be made");
    Problem::internal()
}
