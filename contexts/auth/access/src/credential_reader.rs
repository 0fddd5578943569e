use identity::UserId;
use kernel::{DomainError, Secret};

/// Checks what users from another system sign in with.
///
/// The auth context implements this trait. The composition root passes it to what imports users.
pub trait CredentialReader: Send + Sync {
    /// The hash of a password as the auth context stores it.
    ///
    /// # Errors
    /// [`UnusableCredential`]
    fn password_hash(&self, hash: &str) -> Result<String, UnusableCredential>;

    /// The secret of an authenticator app in Base32, sealed for its user, in hexadecimal digits.
    ///
    /// # Errors
    /// [`UnusableCredential`]
    fn totp_secret(&self, user: UserId, secret: &Secret) -> Result<String, UnusableCredential>;
}

/// No user can sign in with this. The error does not quote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} cannot be used: {reason}")]
pub struct UnusableCredential {
    /// The field of the row.
    pub field: &'static str,
    /// The stable code of the reason.
    pub code: &'static str,
    /// The reason, a sentence without a full stop.
    pub reason: String,
}

impl DomainError for UnusableCredential {
    fn code(&self) -> &'static str {
        self.code
    }
}
