use crate::TokenHash;
use auth_domain::{PasskeyId, PasskeyName};
use identity::UserId;
use std::time::Duration;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

/// How long a browser has to answer a challenge.
pub const PASSKEY_CHALLENGE_LIFE: Duration = Duration::from_secs(5 * 60);

/// What a browser returns from a ceremony of WebAuthn, as JSON.
#[derive(Clone)]
pub struct PasskeyResponse(pub String);

/// What a challenge was made for. A response to one purpose is not accepted for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyPurpose {
    /// To add a passkey to this user.
    Register(UserId),
    /// To sign in or to step up.
    Assert,
}

/// A passkey as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub id: PasskeyId,
    pub user: UserId,
    pub name: PasskeyName,
    /// The id that the authenticator has given it.
    pub credential: Vec<u8>,
    pub public_key: Vec<u8>,
    /// How often the authenticator has used it; zero if it does not count.
    pub counter: u32,
    /// The model of the authenticator.
    pub aaguid: Uuid,
    /// Whether it may be copied to other devices of the user.
    pub backup_eligible: bool,
    pub backed_up: bool,
    /// How browsers reach the authenticator.
    pub transports: Vec<String>,
}

/// A passkey that was just made, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadePasskey {
    pub credential: Vec<u8>,
    pub public_key: Vec<u8>,
    pub counter: u32,
    pub aaguid: Uuid,
    pub backup_eligible: bool,
    pub backed_up: bool,
    pub transports: Vec<String>,
    /// The name of the authenticator's model, if it is known.
    pub model: Option<&'static str>,
}

/// A use of a passkey, verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyUse {
    pub counter: u32,
    pub backed_up: bool,
    /// Whether the authenticator has verified the user, by a PIN or a fingerprint.
    pub is_user_verified: bool,
}

/// Why a response is refused: a stable code for the log. The client learns only that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the passkey is refused: {0}")]
pub struct PasskeyRefused(pub &'static str);

/// A port: verifies what browsers return (WebAuthn, Level 3). It does no I/O.
pub trait PasskeyCeremonies: Send + Sync {
    /// The hash of the challenge that a response answers.
    ///
    /// # Errors
    /// When the response is malformed.
    fn challenge_of(&self, response: &PasskeyResponse) -> Result<TokenHash, PasskeyRefused>;

    /// The id of the credential that a response names.
    ///
    /// # Errors
    /// When the response is malformed.
    fn credential_of(&self, response: &PasskeyResponse) -> Result<Vec<u8>, PasskeyRefused>;

    /// Verifies a new passkey.
    ///
    /// # Errors
    /// When it is refused.
    fn verify_new(&self, response: &PasskeyResponse) -> Result<MadePasskey, PasskeyRefused>;

    /// Verifies a use of a passkey, whose user handle MUST be that of its user. A counter that goes backwards is refused.
    ///
    /// # Errors
    /// When it is refused.
    fn verify_use(&self, passkey: &Passkey, response: &PasskeyResponse) -> Result<PasskeyUse, PasskeyRefused>;
}

/// A port: the passkeys of users, and the challenges of ceremonies that are under way.
#[async_trait]
pub trait Passkeys: Send {
    /// Stores a challenge by its hash, for [`PASSKEY_CHALLENGE_LIFE`].
    async fn add_passkey_challenge(&mut self, hash: &TokenHash, purpose: PasskeyPurpose) -> Result<(), Unavailable>;

    /// Deletes a challenge. Returns `false` if there is none for this purpose: it never was, is used, or has expired.
    async fn use_passkey_challenge(&mut self, hash: &TokenHash, purpose: PasskeyPurpose) -> Result<bool, Unavailable>;

    /// Adds a passkey. Returns `false` if its credential is registered already.
    async fn add_passkey(&mut self, passkey: &Passkey) -> Result<bool, Unavailable>;

    /// How many passkeys a user has.
    async fn count_passkeys(&mut self, user: UserId) -> Result<i64, Unavailable>;

    /// Finds the passkey of a credential, and locks the account of its user. MUST return `None` if the account is not
    /// active, or the passkey was removed before the lock was there.
    async fn lock_passkey(&mut self, credential: &[u8]) -> Result<Option<Passkey>, Unavailable>;

    /// Stores a use of a passkey.
    async fn record_passkey_use(&mut self, passkey: PasskeyId, used: &PasskeyUse) -> Result<(), Unavailable>;

    /// Removes a passkey of this user. Returns `false` if there is none.
    async fn remove_passkey(&mut self, user: UserId, passkey: PasskeyId) -> Result<bool, Unavailable>;
}
