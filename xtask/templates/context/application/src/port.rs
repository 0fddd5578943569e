use __context___domain::__Entity__;
use kernel::Timestamp; // on
use use_case::{Port, Unavailable, async_trait};
use use_case::Uuid; // on

/// A port: the stored __context__, within one transaction.
#[async_trait]
pub trait __Context__: Send {
    /// Adds one __entity__.
    async fn add(&mut self, __entity__: &__Entity__) -> Result<(), Unavailable>;

    /// Stores that the subject of an event is known since then. MUST change nothing if it is known already. // on
    async fn remember(&mut self, subject: Uuid, since: Timestamp) -> Result<(), Unavailable>; // on
}

impl Port for dyn __Context__ {
    const CONTEXT: &'static str = "__context__";
    type Tools = ();
}
