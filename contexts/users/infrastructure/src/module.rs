use crate::http::routes;
use crate::sql_users::SqlUsers;
use ledger::{Consent, MessageHandlers};
use persistence::Db;
use std::sync::Arc;
use users_application::handlers;
use web::{BoundedContext, Commands, PasswordSealer, Routes};

/// The bounded context `users`: its message handlers and its HTTP routes.
pub struct UsersContext {
    gate: Arc<dyn PasswordSealer>,
    consent: Arc<dyn Consent>,
}

impl UsersContext {
    /// `gate` checks and seals passwords, which this context never opens. `consent` belongs to the context that signs
    /// users in; this context asks it before a user loses access.
    #[must_use]
    pub fn new(gate: Arc<dyn PasswordSealer>, consent: Arc<dyn Consent>) -> Self {
        Self { gate, consent }
    }
}

impl BoundedContext for UsersContext {
    fn handlers(&self) -> Arc<dyn MessageHandlers> {
        let consent = Arc::clone(&self.consent);
        ledger::handlers_with("users", handlers(), Arc::new(()), move |tx| SqlUsers(tx, Arc::clone(&consent)))
    }

    fn routes(&self, db: &Db, commands: &Commands) -> Routes {
        routes(db.clone(), commands.clone(), Arc::clone(&self.gate))
    }
}
