//! The SQL and HTTP adapters of the `__context__` context.

mod http;
mod queries;
mod sql___context__;

use crate::http::routes;
use crate::sql___context__::Sql__Context__;
use __context___application::handlers;
use persistence::migrations;
use std::sync::Arc;
use web::{BoundedContext, RouteState, no_upkeep};

/// The bounded context `__context__`.
pub const CONTEXT: BoundedContext = BoundedContext {
    migrations: migrations!("__context__": "0001___context__"),
    messages: || handlers().messages(),
    handlers: |()| ledger::handlers(handlers(), Arc::new(()), Sql__Context__),
    // TODO-AUTHOR: say what clients do here.
    tags: &[("__context__", "Create and read __context__.")],
    operations: || routes().into_openapi(),
    routes: |db, commands, ()| routes().with_state(RouteState { db: db.clone(), commands: commands.clone() }),
    // TODO-AUTHOR: a context with personal data exports it here, and handles `contracts::UserErased`.
    export: None,
    upkeep: no_upkeep,
};
