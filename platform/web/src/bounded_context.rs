use crate::{Commands, Routes};
use futures::future::{BoxFuture, FutureExt as _};
use persistence::Db;

/// The HTTP side of a bounded context. The composition root starts its routes and its upkeep.
pub trait BoundedContext: Send + Sync {
    /// The HTTP routes of the context.
    fn routes(&self, db: &Db, commands: &Commands) -> Routes;

    /// Deletes expired rows from time to time. Runs on every node until the future is dropped.
    fn upkeep(&self, db: &Db) -> BoxFuture<'static, ()> {
        _ = db;
        async {}.boxed()
    }
}
