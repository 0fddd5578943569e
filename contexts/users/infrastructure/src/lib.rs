//! The SQL and HTTP adapters of the `users` context.

mod http;
mod module;
mod queries;
mod sql_users;

pub use module::{UsersContext, message_handlers, operations};

use persistence::{Migrations, migrations};

/// The schema migrations of the `users` context.
pub const MIGRATIONS: Migrations = migrations!("users": "0001_users", "0002_deactivation");

/// The names of the messages that this context handles.
#[must_use]
pub fn messages() -> Vec<&'static str> {
    users_application::handlers().names().map(|(name, _)| name).collect()
}
