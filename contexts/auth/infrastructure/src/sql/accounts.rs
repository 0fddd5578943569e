use crate::SqlAuth;
use auth_application::Accounts;
use auth_domain::{PasswordHash, Role};
use identity::{Email, UserId};
use kernel::Timestamp;
use persistence::{SqlTimestamp, execute, fetch_all, fetch_optional, sql};
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

#[async_trait]
impl Accounts for SqlAuth {
    async fn upsert_identifier(&mut self, user: UserId, version: i64, identifier: &Email) -> Result<bool, Unavailable> {
        // If another user has the identifier, the statement fails. That is `Unavailable`, so the worker retries.
        let sql = "insert into auth_accounts (user_id, identifier, version) values ($1, $2, $3) \
             on conflict (user_id) do update set identifier = excluded.identifier, version = excluded.version \
             where auth_accounts.version < excluded.version";
        Ok(execute!(&mut self.0, sql, user.as_uuid(), identifier.canonical(), version)? == 1)
    }

    async fn set_disabled(
        &mut self,
        user: UserId,
        version: i64,
        since: Option<Timestamp>,
    ) -> Result<bool, Unavailable> {
        let sql = "update auth_accounts set disabled_at = $3, version = $2 where user_id = $1 and version < $2";
        if execute!(&mut self.0, sql, user.as_uuid(), version, since.map(SqlTimestamp))? == 1 {
            let sql = "delete from auth_departures where user_id = $1 and version <= $2";
            execute!(&mut self.0, sql, user.as_uuid(), version)?;
            return Ok(true);
        }
        let sql = "select user_id from auth_accounts where user_id = $1";
        match fetch_optional!(&mut self.0, (Uuid,), sql, user.as_uuid())? {
            Some(_) => Ok(false),
            None => {
                Err(Unavailable::retry_later("the account does not exist yet: the event that creates it will come"))
            }
        }
    }

    async fn create_credential(&mut self, user: UserId, hash: &PasswordHash) -> Result<(), Unavailable> {
        let sql = "insert into auth_credentials (user_id, hash) values ($1, $2) on conflict (user_id) do nothing";
        execute!(&mut self.0, sql, user.as_uuid(), hash.expose())?;
        Ok(())
    }

    async fn replace_credential(
        &mut self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, Unavailable> {
        let sql = "update auth_credentials set hash = $3 where user_id = $1 and hash = $2";
        Ok(execute!(&mut self.0, sql, user.as_uuid(), old.expose(), new.expose())? == 1)
    }

    async fn set_credential(&mut self, user: UserId, hash: &PasswordHash) -> Result<(), Unavailable> {
        let sql = "insert into auth_credentials (user_id, hash) values ($1, $2) \
             on conflict (user_id) do update set hash = excluded.hash";
        execute!(&mut self.0, sql, user.as_uuid(), hash.expose())?;
        Ok(())
    }

    async fn lock_for_sign_in(&mut self, user: UserId, hash: &PasswordHash) -> Result<bool, Unavailable> {
        // `{for update}` serialises the sign-ins of one user, so that each counts the sessions of the ones before.
        let sql = sql!(
            "select a.user_id from auth_accounts a join auth_credentials c on c.user_id = a.user_id \
             where a.user_id = $1 and a.disabled_at is null and c.hash = $2 {for update}"
        );
        Ok(fetch_optional!(&mut self.0, (Uuid,), sql, user.as_uuid(), hash.expose())?.is_some())
    }

    async fn is_enabled(&mut self, user: UserId) -> Result<bool, Unavailable> {
        let sql = "select user_id from auth_accounts where user_id = $1 and disabled_at is null";
        Ok(fetch_optional!(&mut self.0, (Uuid,), sql, user.as_uuid())?.is_some())
    }

    async fn identified_by(&mut self, identifier: &Email) -> Result<Option<UserId>, Unavailable> {
        let sql = "select user_id from auth_accounts where identifier = $1";
        let found = fetch_optional!(&mut self.0, (Uuid,), sql, identifier.canonical())?;
        Ok(found.map(|(user,)| UserId::new(user)))
    }

    async fn set_role(&mut self, user: UserId, role: Role) -> Result<Option<i64>, Unavailable> {
        let sql = "update auth_accounts set role = $2, role_version = role_version + 1 where user_id = $1 \
             returning role_version";
        let set = fetch_optional!(&mut self.0, (i64,), sql, user.as_uuid(), role.as_str())?;
        Ok(set.map(|(version,)| version))
    }

    async fn take_unversioned_roles(&mut self) -> Result<Vec<(UserId, Role)>, Unavailable> {
        // Every account begins as `user`, which needs no event.
        let sql = "update auth_accounts set role_version = 1 where role = 'admin' and role_version = 0 \
             returning user_id";
        let taken = fetch_all!(&mut self.0, (Uuid,), sql)?;
        Ok(taken.into_iter().map(|(user,)| (UserId::new(user), Role::Admin)).collect())
    }
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
