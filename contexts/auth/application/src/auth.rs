use crate::{Accounts, Administration, Audit, Authority, Denied, Passwords, ServiceKeys, Sessions};
use use_case::{Port, Unavailable, async_trait};

/// All that this context stores, within one transaction.
#[async_trait]
pub trait Auth: Accounts + Administration + Sessions + ServiceKeys + Audit {
    /// Now, by the database's clock: nodes may disagree, and a token outlives the node that made it.
    async fn now(&mut self) -> Result<kernel::Timestamp, Unavailable>;
}

impl Port for dyn Auth {
    type Tools = dyn Passwords;
}

/// A use case that is done while somebody waits, in one transaction that its caller owns. Whatever
/// it returns is committed: a refusal may have something to keep.
pub trait UseCase: Send {
    /// What comes of it.
    type Outcome: Send;

    /// On whose authority it acts, which [`act`] confirms first. `None` where none is needed: what is shown (a
    /// password, a refresh token) is the proof and is looked at under its own lock, or nothing is done but recorded.
    fn authority(&self) -> Option<&Authority>;

    /// Does it.
    fn execute(self, store: &mut dyn Auth) -> impl Future<Output = Result<Self::Outcome, Unavailable>> + Send;
}

/// Does a use case if its authority still holds, in the same transaction. The one way to do one.
///
/// # Errors
/// When the store does not answer.
pub async fn act<U: UseCase>(use_case: U, store: &mut dyn Auth) -> Result<Result<U::Outcome, Denied>, Unavailable> {
    let confirmed = match use_case.authority() {
        Some(authority) => authority.clone().confirm(store).await?,
        None => Ok(()),
    };
    match confirmed {
        Ok(()) => use_case.execute(store).await.map(Ok),
        Err(denied) => Ok(Err(denied)),
    }
}
