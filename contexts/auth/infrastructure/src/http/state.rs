use crate::tokens::{AccessTokens, TokenError};
use crate::{Authenticator, SqlLoginThrottle, SqlUnitOfWork};
use auth_application::{Credentials, PasswordPorts, TooManyGuesses, UnitOfWork as _, UseCase, UseCaseError};
use auth_domain::{PasswordPolicy, SessionLife};
use persistence::Db;
use std::sync::Arc;
use web::{Problem, RateLimiter};

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
        }
    }

    /// What use cases that compare a password need.
    pub(crate) fn password_ports(&self) -> PasswordPorts<'_, SqlUnitOfWork> {
        PasswordPorts { credentials: &*self.credentials, throttle: &*self.throttle, unit_of_work: &self.unit_of_work }
    }

    /// Runs a use case in a transaction of its own.
    ///
    /// # Errors
    /// [`UseCaseError`]
    pub(crate) async fn run<U: UseCase + Clone>(&self, use_case: U) -> Result<U::Outcome, UseCaseError> {
        self.unit_of_work.run(use_case).await
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
