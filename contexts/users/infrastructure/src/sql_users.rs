use kernel::{Email, UserId};
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

    async fn load(&mut self, id: UserId) -> Result<Option<User>, Unavailable> {
        // SQLite has one writer, and this transaction is it.
        let sql = (
            "select email, name, version, registered_at, deactivated_at from users_users where id = $1 for update",
            "select email, name, version, registered_at, deactivated_at from users_users where id = $1",
        );
        fetch_optional!(&mut self.0, Row, sql, id.as_uuid())?.map(|row| restore(id, row)).transpose()
    }

    async fn save(&mut self, user: &User) -> Result<(), Unavailable> {
        let sql = "update users_users set version = $2, deactivated_at = $3 where id = $1 and version = $2 - 1";
        let saved = execute!(&mut self.0, sql, user.id.as_uuid(), user.version, user.deactivated_at.map(At))?;
        if saved == 1 { Ok(()) } else { Err(Unavailable::for_a_moment("somebody else has changed this user")) }
    }
}

type Row = (String, Option<String>, i64, At, Option<At>);

fn restore(id: UserId, (email, name, version, registered_at, deactivated_at): Row) -> Result<User, Unavailable> {
    // What was stored under older rules is read; what never could be is not guessed at.
    Ok(User {
        id,
        email: Email::parse(&email).map_err(Unavailable::for_now)?,
        name: name.as_deref().map(Name::restore).transpose().map_err(Unavailable::for_now)?,
        version,
        registered_at: registered_at.0,
        deactivated_at: deactivated_at.map(|at| at.0),
    })
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

#[cfg(test)]
#[path = "sql_users_tests.rs"]
mod tests;
