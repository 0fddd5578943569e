use crate::{Commands, Routes};
use futures::future::{BoxFuture, FutureExt as _};
use ledger::MessageHandlers;
use persistence::Db;
use std::sync::Arc;

/// A bounded context. The composition root starts its handlers, its routes and its upkeep.
pub trait BoundedContext: Send + Sync {
    /// The handlers of the context's messages.
    fn handlers(&self) -> Arc<dyn MessageHandlers>;

    /// The HTTP routes of the context.
    fn routes(&self, db: &Db, commands: &Commands) -> Routes;

    /// Deletes expired rows from time to time. Runs on every node until the future is dropped.
    fn upkeep(&self, db: &Db) -> BoxFuture<'static, ()> {
        _ = db;
        async {}.boxed()
    }
}
