use persistence::Tx;
use use_case::{CommandFailure, async_trait};
use uuid::Uuid;

/// Asks one context to agree to a change of another one, in the transaction of the change.
///
/// An event would come too late for a refusal. The context that is asked implements this trait over the transaction
/// of the other one. The composition root hands it to the context that asks.
#[async_trait]
pub trait Consent: Send + Sync {
    /// Asks whether the subject may change to this version. What the asked context writes is committed with the
    /// change, or not at all.
    ///
    /// # Errors
    /// `Rejected` when the asked context does not agree.
    async fn ask(&self, tx: &mut Tx, subject: Uuid, version: i64) -> Result<(), CommandFailure>;
}
