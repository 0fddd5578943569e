//! Auth: the use cases. One file each; this is the table of contents.

mod auth;
mod passwords;

pub use auth::Auth;
pub use passwords::{Credentials, Passwords, Proven};

use_case::use_cases! { dyn Auth:
    on_user_registered::UserRegistered,
    set_credential::SetCredential,
}
