use __context___application::__Context__;
use __context___domain::{__Entity__, __Entity__State};
use kernel::Timestamp; // on
use persistence::{SqlTimestamp, Tx, execute};
use use_case::{Unavailable, async_trait};
use uuid::Uuid; // on

/// [`__Context__`] in SQL.
pub(crate) struct Sql__Context__(pub(crate) Tx);

ledger::adapter!(Sql__Context__: dyn __Context__);

#[async_trait]
impl __Context__ for Sql__Context__ {
    async fn add(&mut self, __entity__: &__Entity__) -> Result<(), Unavailable> {
        // Names every field, so that the compiler reports a new field that is missing here.
        let __Entity__State {
            id,
            owner,
            __field__, // each field
            version,
            created_at,
        } = __entity__.state();
        let sql = "insert into __context_____context__ (id, owner, version__columns__, created_at) values (__places__)";
        execute!(
            &mut self.0,
            sql,
            id.as_uuid(),
            owner.as_uuid(),
            *version,
            __field__.as_str(), // each field
            SqlTimestamp(*created_at)
        )?;
        Ok(())
    }

    async fn remember(&mut self, subject: Uuid, since: Timestamp) -> Result<(), Unavailable> { // on
        let sql = "insert into __context___known (id, since) values ($1, $2) on conflict do nothing"; // on
        execute!(&mut self.0, sql, subject, SqlTimestamp(since))?; // on
        Ok(()) // on
    } // on
}
