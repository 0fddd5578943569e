//! Auth: routes, SQL, tokens, hashing, and the gate that passwords come in by.

mod argon2id;
mod authenticator;
mod bcrypt;
mod desk;
mod gate;
mod guesses;
mod hash_pool;
mod http;
pub mod key_record;
mod line;
mod module;
mod pace;
mod passwords;
pub mod queries;
mod spelling;
mod sql_accounts;
mod sql_administration;
mod sql_audit;
mod sql_auth;
mod sql_credentials;
mod sql_service_keys;
mod sql_sessions;
mod tidy;
pub mod tokens;
mod verify;
mod work;

pub use authenticator::Authenticator;
pub use desk::{Desk, NotDone, perform};
pub use gate::{SealingGate, password_flaws};
pub use hash_pool::HashPool;
pub use line::Busy;
pub use module::Auth;
pub use passwords::Hashing;
pub use sql_administration::DepartureConsent;
pub use sql_credentials::SqlCredentials;
pub use tidy::tidy_now;

pub(crate) use sql_auth::SqlAuth;

use persistence::{Migration, Migrations};

/// What a sealed password is sealed for.
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
    auth_application::use_cases().names().map(|(name, _)| name).collect()
}
