use ledger::Adapter;
use persistence::{At, SqlError, Tx, execute, fetch_optional};
use use_case::{Unavailable, async_trait};
use users_application::{AddError, Users};
use users_domain::{Name, Taken, User};
use uuid::Uuid;

/// The users, in SQL.
pub(crate) struct SqlUsers(Tx);

impl From<Tx> for SqlUsers {
    fn from(tx: Tx) -> Self {
        Self(tx)
    }
}

impl From<SqlUsers> for Tx {
    fn from(users: SqlUsers) -> Self {
        users.0
    }
}

impl Adapter<dyn Users> for SqlUsers {
    fn port(&mut self) -> &mut (dyn Users + 'static) {
        self
    }
}

#[async_trait]
impl Users for SqlUsers {
    async fn add(&mut self, user: &User) -> Result<(), AddError> {
        if self.insert(user).await.map_err(Unavailable::from)? {
            return Ok(());
        }
        let id_exists = self.exists(user.id.as_uuid()).await.map_err(Unavailable::from)?;
        Err(if id_exists { Taken::Id } else { Taken::Email }.into())
    }
}

impl SqlUsers {
    /// Whether it was new. A conflict waits for the transaction that holds the same value to end.
    async fn insert(&mut self, user: &User) -> Result<bool, SqlError> {
        let sql = "insert into users_users (id, email, email_canonical, name, version, registered_at) \
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
        let (id, at) = (user.id.as_uuid(), At(user.registered_at));
        let name = user.name.as_ref().map(Name::as_str);
        let inserted =
            execute!(&mut self.0, sql, id, user.email.as_str(), user.email.canonical(), name, user.version, at)?;
        Ok(inserted == 1)
    }

    async fn exists(&mut self, id: Uuid) -> Result<bool, SqlError> {
        let found = fetch_optional!(&mut self.0, (i64,), "select version from users_users where id = $1", id)?;
        Ok(found.is_some())
    }
}
