use identity::{Email, UserId};
use kernel::{MessageId, Sealed, Secret};
use web::{Problem, Violation};

/// Checks new passwords against the policy and seals them, so that the ledger stores no readable password.
///
/// The auth context implements this trait. The composition root passes it to the routes that take a password.
pub trait PasswordSealer: Send + Sync {
    /// Returns every violation of the password policy, given the user's email address and name if they are known. The
    /// violations have empty pointers: the caller knows the field.
    fn check(&self, password: &Secret, email: Option<&Email>, name: Option<&str>) -> Vec<Violation>;

    /// Seals the password for one command and one user. It cannot be opened for any other.
    ///
    /// # Errors
    /// When the password cannot be sealed because of a fault of the installation. The implementation has logged it.
    fn seal(&self, password: &Secret, root: MessageId, user: UserId) -> Result<Sealed, Problem>;
}
