use auth_application::{Actor, Auth};
use kernel::Timestamp;
use persistence::{SqlTimestamp, Tx, fetch_one, sql};
use use_case::{Outgoing, Unavailable, async_trait};

/// The ports of this context in SQL, over one transaction. Each port is implemented in a file of its own.
pub(crate) struct SqlAuth(pub(crate) Tx);

ledger::adapter!(SqlAuth: dyn Auth);

#[async_trait]
impl Auth for SqlAuth {
    async fn now(&mut self) -> Result<Timestamp, Unavailable> {
        // Not `{now}`, which is the time when the transaction began: it may have waited for a lock since.
        let (now,) = fetch_one!(&mut self.0, (SqlTimestamp,), sql!("select {clock}"))?;
        Ok(now.0)
    }

    async fn post(&mut self, message: Outgoing, actor: Actor) -> Result<(), Unavailable> {
        ledger::post(&mut self.0, &message, &actor.to_string()).await
    }
}
