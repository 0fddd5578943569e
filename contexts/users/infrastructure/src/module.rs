use crate::http::{UsersState, routes};
use crate::sql_users::SqlUsers;
use auth_access::PasswordSealer;
use ledger::{Consent, MessageHandlers};
use persistence::Db;
use std::sync::Arc;
use users_application::handlers;
use utoipa::openapi::OpenApi;
use web::{BoundedContext, Commands, Routes};

/// The handlers of the messages of `users`. `consent` belongs to the context that signs users in; this context asks it
/// before a user loses access.
#[must_use]
pub fn message_handlers(consent: Arc<dyn Consent>) -> Arc<dyn MessageHandlers> {
    ledger::handlers_with("users", handlers(), Arc::new(()), move |tx| SqlUsers(tx, Arc::clone(&consent)))
}

/// The operations of `users` in the OpenAPI document.
#[must_use]
pub fn operations() -> OpenApi {
    routes().into_openapi()
}

/// The HTTP side of the bounded context `users`.
pub struct UsersContext {
    gate: Arc<dyn PasswordSealer>,
}

impl UsersContext {
    /// `gate` checks and seals passwords, which this context never opens.
    #[must_use]
    pub fn new(gate: Arc<dyn PasswordSealer>) -> Self {
        Self { gate }
    }
}

impl BoundedContext for UsersContext {
    fn routes(&self, db: &Db, commands: &Commands) -> Routes {
        routes().with_state(UsersState { db: db.clone(), commands: commands.clone(), gate: Arc::clone(&self.gate) })
    }
}
