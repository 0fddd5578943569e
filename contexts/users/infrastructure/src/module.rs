use crate::http::routes;
use crate::sql_users::SqlUsers;
use ledger::{Consent, Context};
use persistence::Db;
use std::sync::Arc;
use users_application::use_cases;
use web::{Commands, Module, PasswordGate, Routes};

/// The context `users`.
pub struct Users {
    gate: Arc<dyn PasswordGate>,
    consent: Arc<dyn Consent>,
}

impl Users {
    /// With the gate that passwords come in by, which this context does not look behind, and the consent of the context
    /// that keeps sign-ins, which it asks before a user loses theirs.
    #[must_use]
    pub fn new(gate: Arc<dyn PasswordGate>, consent: Arc<dyn Consent>) -> Self {
        Self { gate, consent }
    }
}

impl Module for Users {
    fn context(&self) -> Arc<dyn Context> {
        let consent = Arc::clone(&self.consent);
        ledger::context_over("users", use_cases(), Arc::new(()), move |tx| SqlUsers(tx, Arc::clone(&consent)))
    }

    fn routes(&self, db: &Db, commands: &Commands) -> Routes {
        routes(db.clone(), commands.clone(), Arc::clone(&self.gate))
    }
}
