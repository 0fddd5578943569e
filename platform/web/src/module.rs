use crate::{Commands, Routes};
use ledger::Context;
use persistence::Db;
use std::sync::Arc;

/// A bounded context, as the composition root sees it.
pub trait Module: Send + Sync {
    /// What it does with messages.
    fn context(&self) -> Arc<dyn Context>;

    /// What it answers to requests.
    fn routes(&self, db: &Db, commands: &Commands) -> Routes;
}
