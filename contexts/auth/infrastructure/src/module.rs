use crate::{AuthState, SqlAuth, http, sql::tidy::tidy};
use auth_application::{Passwords, handlers};
use ledger::MessageHandlers;
use persistence::Db;
use std::pin::Pin;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use web::{BoundedContext, Commands, Routes};

/// The handlers of the messages of `auth`.
#[must_use]
pub fn message_handlers(passwords: Arc<dyn Passwords>) -> Arc<dyn MessageHandlers> {
    ledger::handlers::<_, SqlAuth>("auth", handlers(), passwords)
}

/// The operations of `auth` in the OpenAPI document.
#[must_use]
pub fn operations() -> OpenApi {
    http::routes().into_openapi()
}

/// The HTTP side of the bounded context `auth`.
pub struct AuthContext {
    auth: AuthState,
}

impl AuthContext {
    /// A context whose routes use this state.
    #[must_use]
    pub fn new(auth: AuthState) -> Self {
        Self { auth }
    }
}

impl BoundedContext for AuthContext {
    fn routes(&self, _: &Db, _: &Commands) -> Routes {
        http::routes().with_state(self.auth.clone())
    }

    fn upkeep(&self, db: &Db) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tidy(db.clone()))
    }
}
