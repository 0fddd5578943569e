use crate::{
    Accounts, Actor, Administration, Audit, Authority, Denied, Devices, Factors, Passkeys, Passwords, ResetTokens,
    ServiceKeys, Sessions,
};
use use_case::{Outgoing, Port, Unavailable, async_trait};

/// Everything that this context stores, within one transaction.
#[async_trait]
pub trait Auth:
    Accounts + Administration + Sessions + Factors + Passkeys + ResetTokens + Devices + ServiceKeys + Audit
{
    /// The time by the database's clock. The clocks of nodes may differ, and a token outlives the node that made it.
    async fn now(&mut self) -> Result<kernel::Timestamp, Unavailable>;

    /// Publishes an event to every context that has subscribed to it, or sends a follow-up to one context. MUST take effect
    /// with the rest of the transaction, or not at all.
    async fn post(&mut self, message: Outgoing, actor: Actor) -> Result<(), Unavailable>;
}

impl Port for dyn Auth {
    const CONTEXT: &'static str = "auth";
    type Tools = dyn Passwords;
}

/// A synchronous use case: a client waits for it. It runs in one transaction, which its caller owns and commits whatever
/// the outcome is, because a refusal may have something to record.
pub trait UseCase: Send {
    type Outcome: Send;

    /// The authority on which the use case acts; [`act`] confirms it first. `None` where none is needed: the caller
    /// proves itself by a password or a refresh token, which is checked under a lock of its own, or the use case only
    /// records something.
    fn authority(&self) -> Option<&Authority>;

    /// Runs the use case.
    fn execute(self, store: &mut dyn Auth) -> impl Future<Output = Result<Self::Outcome, Unavailable>> + Send;
}

/// Runs a use case if its authority still holds, in the same transaction. Every use case runs through this function.
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
