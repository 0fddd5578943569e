use crate::{Commands, Routes};
use futures::future::{BoxFuture, FutureExt as _};
use ledger::MessageHandlers;
use persistence::Db;
use std::sync::Arc;

/// A bounded context, as the composition root sees it.
pub trait BoundedContext: Send + Sync {
    /// What it does with messages.
    fn handlers(&self) -> Arc<dyn MessageHandlers>;

    /// What it answers to requests.
    fn routes(&self, db: &Db, commands: &Commands) -> Routes;

    /// What it does once in a while on every node, until it is dropped: it deletes what is over.
    fn upkeep(&self, db: &Db) -> BoxFuture<'static, ()> {
        _ = db;
        async {}.boxed()
    }
}
