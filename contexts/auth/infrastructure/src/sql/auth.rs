use auth_application::Auth;
use kernel::Timestamp;
use ledger::Adapter;
use persistence::{SqlTimestamp, Tx, fetch_one, sql};
use use_case::{Unavailable, async_trait};

/// The ports of this context in SQL, over one transaction. Each port is implemented in a file of its own.
pub(crate) struct SqlAuth(pub(crate) Tx);

impl From<Tx> for SqlAuth {
    fn from(tx: Tx) -> Self {
        Self(tx)
    }
}

impl From<SqlAuth> for Tx {
    fn from(auth: SqlAuth) -> Self {
        auth.0
    }
}

impl Adapter<dyn Auth> for SqlAuth {
    fn port(&mut self) -> &mut (dyn Auth + 'static) {
        self
    }
}

#[async_trait]
impl Auth for SqlAuth {
    async fn now(&mut self) -> Result<Timestamp, Unavailable> {
        // Not `{now}`, which is the time when the transaction began: it may have waited for a lock since.
        let (now,) = fetch_one!(&mut self.0, (SqlTimestamp,), sql!("select {clock}"))?;
        Ok(now.0)
    }
}
