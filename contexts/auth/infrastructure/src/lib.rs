//! Auth: SQL, hashing, and the gate that passwords come in by.

mod bcrypt_sha256;
mod gate;
mod hash_pool;
mod module;
mod passwords;
mod sql_auth;
mod sql_credentials;

pub use gate::SealingGate;
pub use hash_pool::HashPool;
pub use module::Auth;
pub use passwords::Hashing;

pub(crate) use hash_pool::Share;
pub use sql_credentials::SqlCredentials;

pub(crate) use sql_auth::SqlAuth;

use persistence::{Migration, Migrations};

/// What a sealed password is sealed for.
const PURPOSE: &str = "set_credential";

/// The tables of this context.
pub const MIGRATIONS: Migrations = Migrations {
    context: "auth",
    all: &[Migration {
        name: "credentials",
        postgres: include_str!("../migrations/0001_credentials.postgres.sql"),
        sqlite: include_str!("../migrations/0001_credentials.sqlite.sql"),
    }],
};
