//! Auth: SQL, hashing, and the gate that passwords come in by.

mod argon2id;
mod bcrypt;
mod gate;
mod hash_pool;
mod line;
mod module;
mod pace;
mod passwords;
mod spelling;
mod sql_auth;
mod sql_credentials;
mod verify;
mod work;

pub use gate::SealingGate;
pub use hash_pool::HashPool;
pub use line::Busy;
pub use module::Auth;
pub use passwords::Hashing;
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
