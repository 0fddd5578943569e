use crate::TokenHash;
use auth_domain::{AssuranceLevel, AuthMethod, AuthMethods, RecoveryCode, SessionId};
use identity::UserId;
use kernel::Secret;
use std::time::Duration;
use use_case::{Unavailable, async_trait};

/// How long an enrolment of an authenticator app waits for its first code.
pub const ENROLMENT_LIFE: Duration = Duration::from_secs(60 * 60);
/// How long a sign-in waits for its second factor.
pub const CHALLENGE_LIFE: Duration = Duration::from_secs(5 * 60);

/// The secret of an authenticator app, sealed for its user under a key of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTotpSecret(pub Vec<u8>);

/// The MAC of a recovery code and its user, under a key of the installation. The database alone does not tell the code,
/// though it has only fifty random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryCodeHash(pub [u8; 32]);

/// The authenticator app of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpFactor {
    pub secret: SealedTotpSecret,
    /// The step of the last code that was accepted.
    pub used_step: Option<i64>,
}

/// A sign-in whose password was right, and that waits for the second factor.
#[derive(Debug, Clone)]
pub struct SignInChallenge {
    pub hash: TokenHash,
    pub user: UserId,
    /// What gives the guess at the password back ([`Guess::receipt`](crate::Guess::receipt)).
    pub guess: Vec<u8>,
}

/// A port: checks codes of second factors. It does no I/O.
pub trait FactorCodes: Send + Sync {
    /// Which of these steps the code belongs to; `None` if it belongs to none of them.
    ///
    /// # Errors
    /// When the secret cannot be opened: its key is not in this process's key file.
    fn step_of_code(
        &self,
        user: UserId,
        secret: &SealedTotpSecret,
        code: &Secret,
        steps: &[i64],
    ) -> Result<Option<i64>, Unavailable>;

    /// The stored form of a recovery code.
    ///
    /// # Errors
    /// When the key is not in this process's key file.
    fn hash(&self, user: UserId, code: &RecoveryCode) -> Result<RecoveryCodeHash, Unavailable>;
}

/// A port: the second factors of users, and the sign-ins that wait for one. A use case MUST have locked the account.
#[async_trait]
pub trait Factors: Send {
    /// Begins the enrolment of an authenticator app, in place of one that was begun and not confirmed. Returns `false` if
    /// the user has an app already.
    async fn begin_totp(&mut self, user: UserId, secret: &SealedTotpSecret) -> Result<bool, Unavailable>;

    /// The secret of an enrolment that waits for its first code, for [`ENROLMENT_LIFE`].
    async fn begun_totp(&mut self, user: UserId) -> Result<Option<SealedTotpSecret>, Unavailable>;

    /// Completes the enrolment. `step` is that of the first code, which does not work again.
    async fn confirm_totp(&mut self, user: UserId, step: i64) -> Result<(), Unavailable>;

    /// The authenticator app of a user.
    async fn totp(&mut self, user: UserId) -> Result<Option<TotpFactor>, Unavailable>;

    /// Stores the step of an accepted code. Returns `false`, and changes nothing, if `used` is no longer the stored one.
    async fn use_totp_step(&mut self, user: UserId, step: i64, used: Option<i64>) -> Result<bool, Unavailable>;

    /// Removes the authenticator app. Returns `false` if the user has none.
    async fn remove_totp(&mut self, user: UserId) -> Result<bool, Unavailable>;

    /// Replaces the recovery codes of a user.
    async fn set_recovery_codes(&mut self, user: UserId, codes: &[RecoveryCodeHash]) -> Result<(), Unavailable>;

    /// Deletes a recovery code. Returns `false` if it is not stored: it never was, or it is used.
    async fn use_recovery_code(&mut self, user: UserId, code: &RecoveryCodeHash) -> Result<bool, Unavailable>;

    /// How many recovery codes are left.
    async fn recovery_codes_left(&mut self, user: UserId) -> Result<i64, Unavailable>;

    /// The second factors of a user, recovery codes included.
    async fn second_factors(&mut self, user: UserId) -> Result<Vec<AuthMethod>, Unavailable>;

    /// Counts the second factors of a user again, and stores with the account whether there are any. Returns that.
    async fn recount_factors(&mut self, user: UserId) -> Result<bool, Unavailable>;

    /// Removes all second factors and recovery codes. Returns whether there were any.
    async fn remove_factors(&mut self, user: UserId) -> Result<bool, Unavailable>;

    /// Lowers the live sessions of a user, except `but`, to one factor that is not fresh. Without a second factor, lowers
    /// `but` to one factor as well, which stays as fresh as it is.
    async fn lower_sessions(
        &mut self,
        user: UserId,
        but: Option<SessionId>,
        has_second_factor: bool,
    ) -> Result<(), Unavailable>;

    /// Stores how the user of a session has proven who they are, now.
    async fn raise_session(
        &mut self,
        session: SessionId,
        methods: AuthMethods,
        level: AssuranceLevel,
    ) -> Result<(), Unavailable>;

    /// How the user of a session has proven who they are.
    async fn methods_of(&mut self, session: SessionId) -> Result<AuthMethods, Unavailable>;

    /// Stores a sign-in that waits for its second factor, for [`CHALLENGE_LIFE`].
    async fn add_challenge(&mut self, challenge: &SignInChallenge) -> Result<(), Unavailable>;

    /// Finds a sign-in that waits, and locks its account if that is active. MUST return `None` if the sign-in was
    /// completed or revoked before the lock was there.
    async fn lock_challenge(&mut self, hash: &TokenHash) -> Result<Option<SignInChallenge>, Unavailable>;

    /// Deletes a sign-in that waits.
    async fn end_challenge(&mut self, hash: &TokenHash) -> Result<(), Unavailable>;

    /// Deletes all sign-ins of a user that wait.
    async fn end_challenges(&mut self, user: UserId) -> Result<(), Unavailable>;
}
