use crate::Violation;
use kernel::{Email, MessageId, Sealed, Secret, UserId};

/// Where a password stops being readable: judged and sealed before anything is written.
///
/// Implemented by whoever keeps passwords; handed to the routes that take one by the composition root.
pub trait PasswordSealer: Send + Sync {
    /// Everything that speaks against this password, given what is known of the person. The
    /// pointers are left empty: the caller knows the field.
    fn check(&self, password: &Secret, email: Option<&Email>, name: Option<&str>) -> Vec<Violation>;

    /// Seals it for this command and this user: nobody can open it for another.
    ///
    /// # Errors
    /// When it cannot be sealed: a fault of the installation, which has been logged.
    fn seal(&self, password: &Secret, root: MessageId, user: UserId) -> Result<Sealed, crate::Problem>;
}
