use crate::Person;
use async_trait::async_trait;
use kernel::Secret;
use web::{Client, Problem};

/// Verifies the current password of a person who has signed in, for changes that a thief of their session must not make.
///
/// The auth context implements this trait. The composition root passes it to the routes that ask for a password.
#[async_trait]
pub trait PasswordVerifier: Send + Sync {
    /// Whether this is the person's password. A wrong one counts as a guess, like a wrong password at sign-in. `route` is
    /// the route of the request, for the audit log.
    ///
    /// # Errors
    /// 401 when the session has ended, 429 after too many guesses, 503 when the password cannot be verified now.
    async fn is_right(&self, person: Person, password: &Secret, route: &str, client: &Client) -> Result<bool, Problem>;
}
