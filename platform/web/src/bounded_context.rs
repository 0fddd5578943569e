use crate::{Commands, Routes, SubjectExport};
use futures::future::{BoxFuture, FutureExt as _};
use ledger::MessageHandlers;
use persistence::{Db, Migrations};
use std::sync::Arc;
use use_case::HandledMessage;
use utoipa::openapi::OpenApi;

/// A bounded context, as the composition root plugs it in. `W` is what its message handlers need of the program, `H`
/// what its routes need.
pub struct BoundedContext<W = (), H = ()> {
    /// Its name and its tables.
    pub migrations: Migrations,
    /// The messages that it handles.
    pub messages: fn() -> Vec<HandledMessage>,
    pub handlers: fn(W) -> Arc<dyn MessageHandlers>,
    /// The tags of its operations in the OpenAPI document, each with its description.
    pub tags: &'static [(&'static str, &'static str)],
    /// Its operations in the OpenAPI document.
    pub operations: fn() -> OpenApi,
    pub routes: fn(&Db, &Commands, H) -> Routes,
    /// Everything that it holds on a person, if it has personal data. A context that has some MUST also erase it when the
    /// person is erased.
    pub export: Option<SubjectExport>,
    /// Deletes expired rows from time to time. Runs on every node until the future is dropped.
    pub upkeep: fn(&Db) -> BoxFuture<'static, ()>,
}

/// The [upkeep](BoundedContext::upkeep) of a context without expiring rows.
pub fn no_upkeep(_: &Db) -> BoxFuture<'static, ()> {
    async {}.boxed()
}

/// The state of routes that need no more than the database and the ledger.
#[derive(Clone)]
pub struct RouteState {
    pub db: Db,
    pub commands: Commands,
}

impl AsRef<Commands> for RouteState {
    fn as_ref(&self) -> &Commands {
        &self.commands
    }
}
