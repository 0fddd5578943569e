use crate::{Accounts, Audit, Passwords, ServiceKeys, Sessions};
use use_case::{Port, Unavailable, async_trait};

/// All that this context stores, within one transaction.
#[async_trait]
pub trait Auth: Accounts + Sessions + ServiceKeys + Audit {
    /// Now, by the database's clock: nodes may disagree, and a token outlives the node that made it.
    async fn now(&mut self) -> Result<kernel::Timestamp, Unavailable>;
}

impl Port for dyn Auth {
    type Tools = dyn Passwords;
}

/// A use case that is done while somebody waits, in one transaction that its caller owns. Whatever
/// it returns is committed: a refusal may have something to keep.
pub trait Immediate: Send {
    /// What comes of it.
    type Outcome: Send;

    /// Does it.
    fn execute(self, store: &mut dyn Auth) -> impl Future<Output = Result<Self::Outcome, Unavailable>> + Send;
}
