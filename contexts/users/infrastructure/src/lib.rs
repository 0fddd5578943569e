//! The SQL and HTTP adapters of the `users` context.

mod http;
mod queries;
mod sql_users;

pub use crate::http::Passwords;
use crate::http::{UsersState, routes};
use crate::sql_users::SqlUsers;
use ledger::Consent;
use persistence::{BatchLoader, Migrations, migrations};
use std::sync::Arc;
use users_application::handlers;
use web::{BoundedContext, no_upkeep};

/// The bounded context `users`. It asks the consent of the context that signs users in before a user loses access, and
/// takes passwords that it never opens.
pub const CONTEXT: BoundedContext<Arc<dyn Consent>, Passwords> = BoundedContext {
    migrations: MIGRATIONS,
    messages: || handlers().messages(),
    handlers: |consent| ledger::handlers(handlers(), Arc::new(()), move |tx| SqlUsers(tx, Arc::clone(&consent))),
    tags: &[("users", "Register users and read them. Administrators deactivate and reactivate users.")],
    operations: || routes().into_openapi(),
    routes: |db, commands, passwords| {
        routes().with_state(UsersState { users: BatchLoader::new(db.clone()), commands: commands.clone(), passwords })
    },
    upkeep: no_upkeep,
};

/// The schema migrations of the `users` context.
pub const MIGRATIONS: Migrations = migrations!("users": "0001_users", "0002_deactivation");
