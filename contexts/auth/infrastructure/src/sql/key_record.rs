//! The record of the keys that the installation uses, in the database.

use auth_domain::{InstallationKey, KeyKind, RecordedKey};
use persistence::{Db, SqlError, Tx, execute, fetch_all, fetch_one, sql};

type Row = (String, String, String, i64);

const RECORDED: &str = "select kind, kid, public, cast(case when retired_at is null then 0 else 1 end as bigint) \
     from auth_keys order by public";

fn restore((kind, kid, public, retired): Row) -> Option<RecordedKey> {
    // Ignore kinds that this version does not know: a later version may have added them.
    let kind = KeyKind::ALL.into_iter().find(|it| it.as_str() == kind)?;
    Some(RecordedKey { key: InstallationKey { kind, kid, public }, retired: retired != 0 })
}

/// Reads all recorded keys, retired ones too.
///
/// # Errors
/// If the database does not answer.
pub async fn recorded(db: &Db) -> Result<Vec<RecordedKey>, SqlError> {
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, RECORDED)?;
    Ok(rows.into_iter().filter_map(restore).collect())
}

/// The record of keys, locked for changes by one process. Changes are rolled back unless [`commit`](Self::commit) is
/// called.
pub struct KeyRecord(Tx);

impl KeyRecord {
    /// Locks the record, and waits while another process changes it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn lock(db: &Db) -> Result<Self, SqlError> {
        let mut tx = db.begin().await?;
        // SQLite needs no lock: this transaction is the only writer.
        execute!(&mut tx, ("lock table auth_keys in share row exclusive mode", "select 1"))?;
        Ok(Self(tx))
    }

    /// Reads all recorded keys, retired ones too.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn all(&mut self) -> Result<Vec<RecordedKey>, SqlError> {
        let rows = fetch_all!(&mut self.0, Row, RECORDED)?;
        Ok(rows.into_iter().filter_map(restore).collect())
    }

    /// Returns whether there is any account.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_accounts(&mut self) -> Result<bool, SqlError> {
        let sql = "select count(*) from (select 1 from auth_accounts limit 1) as one";
        let (accounts,) = fetch_one!(&mut self.0, (i64,), sql)?;
        Ok(accounts > 0)
    }

    /// Records new keys as in use. A key that is recorded already stays as it is, retired or not.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn add(&mut self, keys: &[InstallationKey]) -> Result<(), SqlError> {
        for InstallationKey { kind, kid, public } in keys {
            let sql = "insert into auth_keys (kind, kid, public) values ($1, $2, $3) on conflict do nothing";
            execute!(&mut self.0, sql, kind.as_str(), kid.as_str(), public.as_str())?;
        }
        Ok(())
    }

    /// Records keys as in use, retired ones too.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn restore(&mut self, keys: &[InstallationKey]) -> Result<(), SqlError> {
        self.add(keys).await?;
        for InstallationKey { kind, public, .. } in keys {
            let sql = "update auth_keys set retired_at = null where kind = $1 and public = $2";
            execute!(&mut self.0, sql, kind.as_str(), public.as_str())?;
        }
        Ok(())
    }

    /// Records a key as retired. Returns `false` if no key with this id was in use.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn retire(&mut self, kid: &str) -> Result<bool, SqlError> {
        let sql = sql!("update auth_keys set retired_at = {clock} where kid = $1 and retired_at is null");
        Ok(execute!(&mut self.0, sql, kid)? > 0)
    }

    /// Records every key as retired.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn retire_all(&mut self) -> Result<(), SqlError> {
        execute!(&mut self.0, sql!("update auth_keys set retired_at = {clock} where retired_at is null"))?;
        Ok(())
    }

    /// Commits the changes.
    ///
    /// # Errors
    /// If the database does not answer. The changes may have been committed or not.
    pub async fn commit(self) -> Result<(), SqlError> {
        self.0.commit().await
    }
}
