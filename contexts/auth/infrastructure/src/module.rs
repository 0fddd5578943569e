use crate::{Desk, SqlAuth, http, tidy::tidy};
use auth_application::{Passwords, use_cases};
use ledger::Context;
use persistence::Db;
use std::pin::Pin;
use std::sync::Arc;
use web::{Commands, Module, Routes};

/// The context `auth`.
pub struct Auth {
    passwords: Arc<dyn Passwords>,
    desk: Desk,
}

impl Auth {
    /// With whoever opens and hashes passwords, and the desk for whoever waits.
    #[must_use]
    pub fn new(passwords: Arc<dyn Passwords>, desk: Desk) -> Self {
        Self { passwords, desk }
    }
}

impl Module for Auth {
    fn context(&self) -> Arc<dyn Context> {
        ledger::context::<_, SqlAuth>("auth", use_cases(), Arc::clone(&self.passwords))
    }

    fn routes(&self, _: &Db, commands: &Commands) -> Routes {
        http::routes(&self.desk, commands)
    }

    fn upkeep(&self, db: &Db) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tidy(db.clone()))
    }
}
