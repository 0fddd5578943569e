use persistence::Tx;
use use_case::{CommandFailure, async_trait};
use uuid::Uuid;

/// What one context must agree to before another changes something, asked in the transaction of the change.
///
/// An event comes too late to say no. Implemented by the context that is asked, over a transaction that is not its own;
/// handed to the one that asks by the composition root.
#[async_trait]
pub trait Consent: Send + Sync {
    /// Whether this version of the subject may come about. What the context keeps of it takes effect with the change, or
    /// not at all.
    ///
    /// # Errors
    /// `Rejected` when it does not agree.
    async fn ask(&self, tx: &mut Tx, subject: Uuid, version: i64) -> Result<(), CommandFailure>;
}
