use crate::{AuthState, SqlAuth, http, sql::tidy::tidy};
use auth_application::{Passwords, handlers};
use ledger::MessageHandlers;
use persistence::Db;
use std::pin::Pin;
use std::sync::Arc;
use web::{BoundedContext, Commands, Routes};

/// The bounded context `auth`.
pub struct AuthContext {
    passwords: Arc<dyn Passwords>,
    auth: AuthState,
}

impl AuthContext {
    /// `passwords` serves messages, `auth` serves routes.
    #[must_use]
    pub fn new(passwords: Arc<dyn Passwords>, auth: AuthState) -> Self {
        Self { passwords, auth }
    }
}

impl BoundedContext for AuthContext {
    fn handlers(&self) -> Arc<dyn MessageHandlers> {
        ledger::handlers::<_, SqlAuth>("auth", handlers(), Arc::clone(&self.passwords))
    }

    fn routes(&self, _: &Db, commands: &Commands) -> Routes {
        http::routes(&self.auth, commands)
    }

    fn upkeep(&self, db: &Db) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tidy(db.clone()))
    }
}
