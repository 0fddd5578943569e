use crate::SqlAuth;
use auth_application::{Administration, depart};
use auth_domain::Administrators;
use identity::UserId;
use ledger::Consent;
use persistence::{Tx, execute, fetch_all, sql};
use use_case::{CommandFailure, Unavailable, async_trait};
use uuid::Uuid;

/// The end of an SQL statement that selects the administrators who can sign in. The condition is defined only here.
pub(crate) const OF_ADMINISTRATORS: &str = "from auth_accounts a where a.role = 'admin' and a.disabled_at is null \
     and exists (select 1 from auth_credentials c where c.user_id = a.user_id) \
     and not exists (select 1 from auth_departures d where d.user_id = a.user_id and d.version > a.version)";

/// [`Administration`] over any transaction, also of another context.
struct SqlAdministration<'a>(&'a mut Tx);

#[async_trait]
impl Administration for SqlAdministration<'_> {
    async fn administrators(&mut self) -> Result<Administrators, Unavailable> {
        // The lock is a separate statement, so that the next one sees what was committed during the wait. SQLite needs
        // no lock: this transaction is the only writer.
        let lock = (
            "select 1::bigint from (select pg_advisory_xact_lock(hashtextextended('auth administrators', 0))) locked",
            "select 1",
        );
        fetch_all!(self.0, (i64,), lock)?;
        let rows = fetch_all!(self.0, (Uuid,), sql!("select a.user_id", OF_ADMINISTRATORS))?;
        Ok(rows.into_iter().map(|(user,)| UserId::new(user)).collect())
    }

    async fn expect_departure(&mut self, user: UserId, version: i64) -> Result<(), Unavailable> {
        let sql = "insert into auth_departures (user_id, version) values ($1, $2) \
             on conflict (user_id) do update set version = excluded.version";
        execute!(self.0, sql, user.as_uuid(), version)?;
        Ok(())
    }
}

#[async_trait]
impl Administration for SqlAuth {
    async fn administrators(&mut self) -> Result<Administrators, Unavailable> {
        SqlAdministration(&mut self.0).administrators().await
    }

    async fn expect_departure(&mut self, user: UserId, version: i64) -> Result<(), Unavailable> {
        SqlAdministration(&mut self.0).expect_departure(user, version).await
    }
}

/// The consent of this context to a deactivation, given or refused in the transaction that deactivates the user.
pub struct DepartureConsent;

#[async_trait]
impl Consent for DepartureConsent {
    async fn ask(&self, tx: &mut Tx, subject: Uuid, version: i64) -> Result<(), CommandFailure> {
        Ok(depart(&mut SqlAdministration(tx), UserId::new(subject), version).await??)
    }
}
