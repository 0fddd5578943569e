use crate::http::routes;
use crate::sql_users::SqlUsers;
use ledger::Context;
use persistence::Db;
use std::sync::Arc;
use users_application::use_cases;
use web::{Commands, Module, PasswordGate, Routes};

/// The context `users`.
pub struct Users {
    gate: Arc<dyn PasswordGate>,
}

impl Users {
    /// With the gate that passwords come in by, which this context does not look behind.
    #[must_use]
    pub fn new(gate: Arc<dyn PasswordGate>) -> Self {
        Self { gate }
    }
}

impl Module for Users {
    fn context(&self) -> Arc<dyn Context> {
        ledger::context::<_, SqlUsers>("users", use_cases(), Arc::new(()))
    }

    fn routes(&self, db: &Db, commands: &Commands) -> Routes {
        routes(db.clone(), commands.clone(), Arc::clone(&self.gate))
    }
}
