//! Auth: routes, SQL, tokens and password hashing.

mod argon2id;
mod authenticator;
mod bcrypt;
mod denial_log;
mod hash_job;
mod hash_pool;
mod hash_queue;
mod http;
pub mod key_record;
mod login_throttle;
mod module;
mod passwords;
mod policy_and_seal;
pub mod queries;
mod sql_accounts;
mod sql_administration;
mod sql_audit;
mod sql_auth;
mod sql_credentials;
mod sql_service_keys;
mod sql_sessions;
mod throughput;
mod tidy;
pub mod tokens;
mod unit_of_work;
mod verify;

pub use authenticator::Authenticator;
pub use hash_pool::HashPool;
pub use hash_queue::Overloaded;
pub use http::AuthState;
pub use login_throttle::SqlLoginThrottle;
pub use module::{AuthContext, message_handlers, operations};
pub use passwords::Hashing;
pub use policy_and_seal::PolicyAndSeal;
pub use sql_administration::DepartureConsent;
pub use sql_credentials::SqlCredentials;
pub use tidy::tidy_now;
pub use unit_of_work::{SqlUnitOfWork, run_in_transaction};

pub(crate) use sql_auth::SqlAuth;

#[cfg(test)]
mod use_case_tests;

use persistence::{Migration, Migrations};

/// The purpose that a sealed password is bound to.
const PURPOSE: &str = "set_credential";

/// The tables of this context.
pub const MIGRATIONS: Migrations = Migrations {
    context: "auth",
    all: &[
        Migration {
            name: "credentials",
            postgres: include_str!("../migrations/0001_credentials.postgres.sql"),
            sqlite: include_str!("../migrations/0001_credentials.sqlite.sql"),
        },
        Migration {
            name: "sessions",
            postgres: include_str!("../migrations/0002_sessions.postgres.sql"),
            sqlite: include_str!("../migrations/0002_sessions.sqlite.sql"),
        },
        Migration {
            name: "deactivation",
            postgres: include_str!("../migrations/0003_deactivation.postgres.sql"),
            sqlite: include_str!("../migrations/0003_deactivation.sqlite.sql"),
        },
        Migration {
            name: "authority",
            postgres: include_str!("../migrations/0004_authority.postgres.sql"),
            sqlite: include_str!("../migrations/0004_authority.sqlite.sql"),
        },
        Migration {
            name: "refresh_grace",
            postgres: include_str!("../migrations/0005_refresh_grace.postgres.sql"),
            sqlite: include_str!("../migrations/0005_refresh_grace.sqlite.sql"),
        },
        Migration {
            name: "keys",
            postgres: include_str!("../migrations/0006_keys.postgres.sql"),
            sqlite: include_str!("../migrations/0006_keys.sqlite.sql"),
        },
    ],
};

/// The names of the messages that this context handles.
#[must_use]
pub fn messages() -> Vec<&'static str> {
    auth_application::handlers().names().map(|(name, _)| name).collect()
}
