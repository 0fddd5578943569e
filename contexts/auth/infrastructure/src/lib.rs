//! Auth: routes, SQL, tokens and password hashing.

mod access;
mod hashing;
mod http;
mod module;
mod policy_and_seal;
pub mod queries;
mod sql;
pub mod tokens;

pub use access::authenticator::Authenticator;
pub use access::login_throttle::SqlLoginThrottle;
pub use hashing::credentials::SqlCredentials;
pub use hashing::hash_pool::HashPool;
pub use hashing::hash_queue::Overloaded;
pub use hashing::passwords::Hashing;
pub use http::AuthState;
pub use module::{AuthContext, message_handlers, operations};
pub use policy_and_seal::PolicyAndSeal;
pub use sql::administration::DepartureConsent;
pub use sql::key_record;
pub use sql::tidy::tidy_now;
pub use sql::unit_of_work::{SqlUnitOfWork, run_in_transaction};

pub(crate) use sql::auth::SqlAuth;

#[cfg(test)]
mod use_case_tests;

use persistence::{Migrations, migrations};

/// The purpose that a sealed password is bound to.
const PURPOSE: &str = "set_credential";

/// The tables of this context.
pub const MIGRATIONS: Migrations = migrations!(
    "auth": "0001_credentials", "0002_sessions", "0003_deactivation", "0004_authority", "0005_refresh_grace", "0006_keys",
);

/// The names of the messages that this context handles.
#[must_use]
pub fn messages() -> Vec<&'static str> {
    auth_application::handlers().names().map(|(name, _)| name).collect()
}
