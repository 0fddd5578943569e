//! The SQL and HTTP adapters of the `users` context.

mod http;
mod name_keys;
mod queries;
mod sql_users;

pub use crate::http::UserPasswords;
use crate::http::{UsersState, routes};
use crate::sql_users::SqlUsers;
use ledger::Consent;
use persistence::{BatchLoader, Migrations, migrations};
use std::sync::Arc;
use users_application::handlers;
use web::{BoundedContext, CursorKeys};

/// The bounded context `users`. It asks the consent of the context that signs users in before a user loses access, and
/// takes passwords that it never opens.
pub const CONTEXT: BoundedContext<Arc<dyn Consent>, RoutePorts> = BoundedContext {
    migrations: MIGRATIONS,
    messages: || handlers().messages(),
    handlers: |consent| ledger::handlers(handlers(), Arc::new(()), move |tx| SqlUsers(tx, Arc::clone(&consent))),
    tags: &[("users", "Register users, read them and search them. Administrators deactivate and reactivate users.")],
    operations: || routes().into_openapi(),
    routes: |db, commands, RoutePorts { passwords, cursors }| {
        let (users, db, commands) = (BatchLoader::new(db.clone()), db.clone(), commands.clone());
        routes().with_state(UsersState { users, commands, passwords, db, cursors })
    },
    upkeep: |db| Box::pin(name_keys::fill(db.clone())),
};

/// What the routes of this context need of the program.
pub struct RoutePorts {
    pub passwords: UserPasswords,
    /// Authenticates the cursors of lists.
    pub cursors: Arc<dyn CursorKeys>,
}

/// The schema migrations of the `users` context.
pub const MIGRATIONS: Migrations = migrations!("users": "0001_users", "0002_deactivation", "0003_search");
