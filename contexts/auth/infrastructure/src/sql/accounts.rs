use crate::SqlAuth;
use auth_application::{Accounts, ImportedAccount};
use auth_domain::{PasswordHash, Role};
use identity::{Email, UserId};
use kernel::Timestamp;
use persistence::{SqlTimestamp, execute, fetch_all, fetch_optional, sql};
use serde::Serialize;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

#[async_trait]
impl Accounts for SqlAuth {
    async fn create(
        &mut self,
        user: UserId,
        version: i64,
        identifier: &Email,
        is_verified: bool,
    ) -> Result<(), Unavailable> {
        // If another user has the identifier, the statement fails. That is `Unavailable`, so the worker retries.
        let sql = "insert into auth_accounts (user_id, identifier, version, identifier_version, email_verified) \
             values ($1, $2, $3, $3, $4) \
             on conflict (user_id) do nothing";
        execute!(&mut self.0, sql, user.as_uuid(), identifier.canonical(), version, is_verified)?;
        Ok(())
    }

    async fn change_identifier(
        &mut self,
        user: UserId,
        version: i64,
        identifier: &Email,
        verified: bool,
    ) -> Result<bool, Unavailable> {
        let sql = "update auth_accounts set identifier = $2, version = $3, identifier_version = $3, \
             email_verified = ($4 or email_verified and identifier = $2) where user_id = $1 and version < $3";
        let changed = execute!(&mut self.0, sql, user.as_uuid(), identifier.canonical(), version, verified)? == 1;
        if changed { Ok(true) } else { self.exists(user).await.map(|()| false) }
    }

    async fn verify_identifier(&mut self, user: UserId, version: i64) -> Result<(), Unavailable> {
        let sql = "update auth_accounts set email_verified = true, version = $2 where user_id = $1 and version < $2";
        if execute!(&mut self.0, sql, user.as_uuid(), version)? == 1 { Ok(()) } else { self.exists(user).await }
    }

    async fn import(&mut self, accounts: &[ImportedAccount]) -> Result<(), Unavailable> {
        // An erasure writes into this table first: it is done before this statement reads the table, or begins after
        // this transaction.
        execute!(&mut self.0, ("lock table auth_erased in share mode", "select 1"))?;
        let accounts: Vec<_> = accounts.iter().map(ImportedRow::from).collect();
        // Plain data cannot fail to serialise.
        let accounts = serde_json::to_string(&accounts).unwrap_or_default();
        execute!(&mut self.0, IMPORT_ACCOUNTS, &accounts)?;
        execute!(&mut self.0, IMPORT_CREDENTIALS, &accounts)?;
        execute!(&mut self.0, IMPORT_TOTP, &accounts)?;
        execute!(&mut self.0, COUNT_IMPORTED_TOTP, &accounts)?;
        Ok(())
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
        self.exists(user).await.map(|()| false)
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

    async fn remove_credential(&mut self, user: UserId) -> Result<(), Unavailable> {
        execute!(&mut self.0, "delete from auth_credentials where user_id = $1", user.as_uuid())?;
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

    async fn erase_account(&mut self, user: UserId) -> Result<(), Unavailable> {
        let sql = "insert into auth_erased (user_id) values ($1) on conflict do nothing";
        execute!(&mut self.0, sql, user.as_uuid())?;
        // The account first: a sign-in locks it, so that no session is opened meanwhile.
        for sql in [
            "delete from auth_accounts where user_id = $1",
            "delete from auth_credentials where user_id = $1",
            "delete from auth_sessions where user_id = $1",
            "delete from auth_departures where user_id = $1",
            "delete from auth_mail_tokens where user_id = $1",
            "delete from auth_known_devices where user_id = $1",
            "delete from auth_totp where user_id = $1",
            "delete from auth_recovery_codes where user_id = $1",
            "delete from auth_challenges where user_id = $1",
            "delete from auth_passkeys where user_id = $1",
            "delete from auth_passkey_challenges where user_id = $1",
        ] {
            execute!(&mut self.0, sql, user.as_uuid())?;
        }
        Ok(())
    }

    async fn lock_account(&mut self, user: UserId) -> Result<bool, Unavailable> {
        let sql = sql!("select user_id from auth_accounts where user_id = $1 {for update}");
        Ok(fetch_optional!(&mut self.0, (Uuid,), sql, user.as_uuid())?.is_some())
    }

    async fn lock_active(&mut self, user: UserId) -> Result<Option<Email>, Unavailable> {
        let sql = sql!("select identifier from auth_accounts where user_id = $1 and disabled_at is null {for update}");
        let found = fetch_optional!(&mut self.0, (String,), sql, user.as_uuid())?;
        Ok(found.and_then(|(identifier,)| Email::parse(&identifier).ok()))
    }

    async fn address_of(&mut self, user: UserId) -> Result<Option<Email>, Unavailable> {
        let sql = "select identifier from auth_accounts where user_id = $1";
        let found = fetch_optional!(&mut self.0, (String,), sql, user.as_uuid())?;
        Ok(found.and_then(|(identifier,)| Email::parse(&identifier).ok()))
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

/// An account as the statements of an import read it. The time is in microseconds.
#[derive(Serialize)]
struct ImportedRow<'a> {
    user_id: Uuid,
    identifier: &'a str,
    role: &'a str,
    disabled_at: Option<i64>,
    email_verified: bool,
    hash: Option<&'a str>,
    totp: Option<&'a str>,
}

impl<'a> From<&'a ImportedAccount> for ImportedRow<'a> {
    fn from(account: &'a ImportedAccount) -> Self {
        let &ImportedAccount {
            user_id,
            ref email,
            ref role,
            disabled_at,
            email_verified,
            ref password_hash,
            ref totp_secret,
        } = account;
        let (user_id, disabled_at) = (user_id.as_uuid(), disabled_at.map(Timestamp::as_microsecond));
        let (identifier, hash, totp) = (email.canonical(), password_hash.as_deref(), totp_secret.as_deref());
        Self { user_id, identifier, role, disabled_at, email_verified, hash, totp }
    }
}

const IMPORT_ACCOUNTS: (&str, &str) = (
    "insert into auth_accounts (user_id, identifier, email_verified, version, identifier_version, role, role_version, disabled_at) \
     select user_id, identifier, email_verified, 1, 1, role, 1, timestamptz 'epoch' + disabled_at * interval '1 us' \
     from json_to_recordset($1::json) as account \
       (user_id uuid, identifier text, email_verified boolean, role text, disabled_at bigint) \
     where not exists (select 1 from auth_erased e where e.user_id = account.user_id) on conflict (user_id) do nothing",
    "insert into auth_accounts (user_id, identifier, email_verified, version, identifier_version, role, role_version, disabled_at) \
     select unhex(value->>'user_id', '-'), value->>'identifier', value->>'email_verified', 1, 1, value->>'role', 1, \
       value->>'disabled_at' \
     from json_each($1) \
     where not exists (select 1 from auth_erased where user_id = unhex(value->>'user_id', '-')) \
     on conflict (user_id) do nothing",
);

const IMPORT_CREDENTIALS: (&str, &str) = (
    "insert into auth_credentials (user_id, hash) select account.user_id, hash \
     from json_to_recordset($1::json) as account (user_id uuid, hash text) join auth_accounts using (user_id) \
     where hash is not null on conflict (user_id) do nothing",
    "insert into auth_credentials (user_id, hash) select user_id, value->>'hash' \
     from json_each($1) join auth_accounts on user_id = unhex(value->>'user_id', '-') \
     where value->>'hash' is not null on conflict (user_id) do nothing",
);

const IMPORT_TOTP: (&str, &str) = (
    "insert into auth_totp (user_id, secret, begun_at, confirmed_at) \
     select account.user_id, decode(totp, 'hex'), clock_timestamp(), clock_timestamp() \
     from json_to_recordset($1::json) as account (user_id uuid, totp text) join auth_accounts using (user_id) \
     where totp is not null on conflict (user_id) do nothing",
    "insert into auth_totp (user_id, secret, begun_at, confirmed_at) \
     select user_id, unhex(value->>'totp'), cast(unixepoch('subsec') * 1000000 as integer), \
       cast(unixepoch('subsec') * 1000000 as integer) \
     from json_each($1) join auth_accounts on user_id = unhex(value->>'user_id', '-') \
     where value->>'totp' is not null on conflict (user_id) do nothing",
);

const COUNT_IMPORTED_TOTP: (&str, &str) = (
    "update auth_accounts set has_second_factor = true from json_to_recordset($1::json) as account (user_id uuid, totp text) \
     where auth_accounts.user_id = account.user_id and totp is not null",
    "update auth_accounts set has_second_factor = true where user_id in \
     (select unhex(value->>'user_id', '-') from json_each($1) where value->>'totp' is not null)",
);

impl SqlAuth {
    /// Checks that there is an account.
    async fn exists(&mut self, user: UserId) -> Result<(), Unavailable> {
        let sql = "select user_id from auth_accounts where user_id = $1";
        match fetch_optional!(&mut self.0, (Uuid,), sql, user.as_uuid())? {
            Some(_) => Ok(()),
            None => {
                Err(Unavailable::retry_later("the account does not exist yet: the message that creates it will come"))
            }
        }
    }
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
