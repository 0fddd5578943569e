use auth_application::Auth;
use auth_domain::PasswordHash;
use kernel::{Email, UserId};
use ledger::Adapter;
use persistence::{Tx, execute};
use use_case::{Unavailable, async_trait};

/// Who can sign in, in SQL.
pub(crate) struct SqlAuth(Tx);

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
    async fn identify(&mut self, user: UserId, version: i64, identifier: &Email) -> Result<(), Unavailable> {
        // A conflict on the identifier is an error of the statement, and so `Unavailable`: it is tried again.
        let sql = "insert into auth_identifiers (user_id, identifier, version) values ($1, $2, $3) \
             on conflict (user_id) do update set identifier = excluded.identifier, version = excluded.version \
             where auth_identifiers.version < excluded.version";
        execute!(&mut self.0, sql, user.as_uuid(), identifier.canonical(), version)?;
        Ok(())
    }

    async fn create_credential(&mut self, user: UserId, hash: &PasswordHash) -> Result<(), Unavailable> {
        let sql = "insert into auth_credentials (user_id, hash) values ($1, $2) on conflict (user_id) do nothing";
        execute!(&mut self.0, sql, user.as_uuid(), hash.expose())?;
        Ok(())
    }
}
