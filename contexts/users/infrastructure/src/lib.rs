//! The SQL and HTTP adapters of the `users` context.

mod http;
mod module;
mod queries;
mod sql_users;

pub use module::{UsersContext, message_handlers, operations};

use persistence::{Migration, Migrations};

/// The schema migrations of the `users` context.
pub const MIGRATIONS: Migrations = Migrations {
    context: "users",
    all: &[
        Migration {
            name: "users",
            postgres: include_str!("../migrations/0001_users.postgres.sql"),
            sqlite: include_str!("../migrations/0001_users.sqlite.sql"),
        },
        Migration {
            name: "deactivation",
            postgres: include_str!("../migrations/0002_deactivation.postgres.sql"),
            sqlite: include_str!("../migrations/0002_deactivation.sqlite.sql"),
        },
    ],
};

/// The names of the messages that this context handles.
#[must_use]
pub fn messages() -> Vec<&'static str> {
    users_application::handlers().names().map(|(name, _)| name).collect()
}
