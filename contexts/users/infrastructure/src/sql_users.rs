use identity::{Email, UserId};
use ledger::Consent;
use persistence::{SqlError, SqlTimestamp, Tx, execute, fetch_optional, sql};
use std::sync::Arc;
use use_case::{CommandFailure, Unavailable, async_trait};
use users_application::{StoreError, Users};
use users_domain::{Name, Taken, Tombstone, User, UserRole, UserState};
use uuid::Uuid;

/// [`Users`] in SQL, and the consent to ask for before a user loses access.
pub(crate) struct SqlUsers(pub(crate) Tx, pub(crate) Arc<dyn Consent>);

ledger::adapter!(SqlUsers: dyn Users);

#[async_trait]
impl Users for SqlUsers {
    async fn add(&mut self, user: &User) -> Result<(), StoreError> {
        if self.insert(user).await.map_err(Unavailable::from)? {
            return Ok(());
        }
        let id_exists = self.exists(user.id().as_uuid()).await.map_err(Unavailable::from)?;
        Err(if id_exists { Taken::Id } else { Taken::Email }.into())
    }

    async fn load(&mut self, id: UserId) -> Result<Option<User>, Unavailable> {
        let sql = sql!(
            "select email, name, version, registered_at, deactivated_at, email_verified, email_version from users_users \
             where id = $1 {for update}"
        );
        fetch_optional!(&mut self.0, Row, sql, id.as_uuid())?.map(|row| restore(id, row)).transpose()
    }

    async fn withdraw_access(&mut self, user: UserId, version: i64) -> Result<(), CommandFailure> {
        self.1.ask(&mut self.0, user.as_uuid(), version).await
    }

    async fn save(&mut self, user: &User) -> Result<(), StoreError> {
        // Names every field, so that the compiler reports a new field that is missing here.
        let UserState { id, email, name, version, registered_at, deactivated_at, email_verified, email_version } =
            user.state();
        let sql = "update users_users set email = $3, email_canonical = $4, name = $5, version = $2, registered_at = $6, \
             deactivated_at = $7, name_key = $8, email_verified = $9, email_version = $10 \
             where id = $1 and version = $2 - 1 \
             and not exists (select 1 from users_users other where other.email_canonical = $4 and other.id <> $1)";
        let key = name_key(name.as_ref());
        let (id, name, at) = (id.as_uuid(), name.as_ref().map(Name::as_str), SqlTimestamp(*registered_at));
        let (spelled, canonical, deactivated_at) =
            (email.as_str(), email.canonical(), deactivated_at.map(SqlTimestamp));
        // Another transaction may store the same address at this moment. Then the statement fails, and the retry finds
        // that user.
        let saved = execute!(
            &mut self.0,
            sql,
            id,
            *version,
            spelled,
            canonical,
            name,
            at,
            deactivated_at,
            key,
            *email_verified,
            *email_version
        );
        if saved.map_err(soon_if_conflict)? == 1 {
            return Ok(());
        }
        let sql = "select id from users_users where email_canonical = $1 and id <> $2";
        match fetch_optional!(&mut self.0, (Uuid,), sql, canonical, id).map_err(Unavailable::from)? {
            Some(_) => Err(Taken::Email.into()),
            None => Err(Unavailable::retry_soon("another transaction has changed this user").into()),
        }
    }

    async fn erase(&mut self, tombstone: &Tombstone) -> Result<Vec<UserId>, Unavailable> {
        let Tombstone { id, version, erased_at } = *tombstone;
        let sql = "delete from users_users where id = $1 and version = $2 - 1 returning email_canonical";
        let Some((canonical,)) = fetch_optional!(&mut self.0, (String,), sql, id.as_uuid(), version)? else {
            return Err(Unavailable::retry_soon("another transaction has changed this user"));
        };
        let expected = self.forget_address(id.as_uuid(), &canonical).await?;
        let sql = "insert into users_erased (id, erased_at) values ($1, $2)";
        execute!(&mut self.0, sql, id.as_uuid(), SqlTimestamp(erased_at))?;
        for sql in ["delete from users_refs where user_id = $1", "delete from users_email_tokens where user_id = $1"] {
            execute!(&mut self.0, sql, id.as_uuid())?;
        }
        Ok(expected)
    }

    async fn follow_role(&mut self, user: UserId, version: i64, role: UserRole) -> Result<(), Unavailable> {
        let sql = "update users_users set version = version + case when role = $3 then 0 else 1 end, \
             role = $3, role_version = $2 where id = $1 and role_version < $2";
        execute!(&mut self.0, sql, user.as_uuid(), version, role.as_str())?;
        Ok(())
    }
}

/// The value of `name_key`: empty for a user without a name.
pub(crate) fn name_key(name: Option<&Name>) -> String {
    name.map(Name::search_key).unwrap_or_default()
}

fn soon_if_conflict(error: SqlError) -> Unavailable {
    if error.is_conflict() { Unavailable::retry_soon(error) } else { error.into() }
}

type Row = (String, Option<String>, i64, SqlTimestamp, Option<SqlTimestamp>, bool, i64);

fn restore(id: UserId, row: Row) -> Result<User, Unavailable> {
    let (email, name, version, registered_at, deactivated_at, email_verified, email_version) = row;
    // Accept values that older rules allowed. Values that no version ever stored are an error.
    Ok(User::restore(UserState {
        id,
        email: Email::parse(&email).map_err(Unavailable::retry_later)?,
        name: name.as_deref().map(Name::restore).transpose().map_err(Unavailable::retry_later)?,
        version,
        registered_at: registered_at.0,
        deactivated_at: deactivated_at.map(|at| at.0),
        email_verified,
        email_version,
    }))
}

impl SqlUsers {
    /// Inserts the user. Returns `false` if the id or the email is taken, also if the user with this id was erased. If a concurrent transaction holds the same
    /// value, the database waits until that transaction ends.
    async fn insert(&mut self, user: &User) -> Result<bool, SqlError> {
        let UserState { id, email, name, version, registered_at, deactivated_at, email_verified, email_version } =
            user.state();
        let sql = "insert into users_users (id, email, email_canonical, name, version, registered_at, deactivated_at, \
             name_key, email_verified, email_version) select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 where not exists (select 1 from users_erased where id = $1) \
             on conflict do nothing";
        let key = name_key(name.as_ref());
        let (id, name, at) = (id.as_uuid(), name.as_ref().map(Name::as_str), SqlTimestamp(*registered_at));
        let (spelled, canonical, deactivated_at) =
            (email.as_str(), email.canonical(), deactivated_at.map(SqlTimestamp));
        let inserted = execute!(
            &mut self.0,
            sql,
            id,
            spelled,
            canonical,
            name,
            *version,
            at,
            deactivated_at,
            key,
            *email_verified,
            *email_version
        )?;
        Ok(inserted == 1)
    }

    async fn exists(&mut self, id: Uuid) -> Result<bool, SqlError> {
        let sql = "select id from users_users where id = $1 union all select id from users_erased where id = $1";
        Ok(fetch_optional!(&mut self.0, (Uuid,), sql, id)?.is_some())
    }
}

#[cfg(test)]
#[path = "sql_users_tests.rs"]
mod tests;
