//! Which keys the installation uses, as the database has them.

use auth_domain::{InstallationKey, KeyKind, RecordedKey};
use persistence::{Db, SqlError, Tx, execute, fetch_all, fetch_one};

type Row = (String, String, String, i64);

const RECORDED: &str = "select kind, kid, public, cast(case when retired_at is null then 0 else 1 end as bigint) \
     from auth_keys order by public";

fn restore((kind, kid, public, retired): Row) -> Option<RecordedKey> {
    // A later version may have more kinds.
    let kind = KeyKind::ALL.into_iter().find(|it| it.as_str() == kind)?;
    Some(RecordedKey { key: InstallationKey { kind, kid, public }, retired: retired != 0 })
}

/// All keys that were ever recorded.
///
/// # Errors
/// When the database does not answer.
pub async fn recorded(db: &Db) -> Result<Vec<RecordedKey>, SqlError> {
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, RECORDED)?;
    Ok(rows.into_iter().filter_map(restore).collect())
}

/// The record, to be changed by one process at a time. What is not committed is undone.
pub struct KeyRecord(Tx);

impl KeyRecord {
    /// Waits until no other process changes it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lock(db: &Db) -> Result<Self, SqlError> {
        let mut tx = db.begin().await?;
        // A transaction on SQLite that may write is the only one.
        execute!(&mut tx, ("lock table auth_keys in share row exclusive mode", "select 1"))?;
        Ok(Self(tx))
    }

    /// All keys that were ever recorded.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn all(&mut self) -> Result<Vec<RecordedKey>, SqlError> {
        let rows = fetch_all!(&mut self.0, Row, RECORDED)?;
        Ok(rows.into_iter().filter_map(restore).collect())
    }

    /// Whether anybody is registered.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_accounts(&mut self) -> Result<bool, SqlError> {
        let sql = "select count(*) from (select 1 from auth_accounts limit 1) as one";
        let (accounts,) = fetch_one!(&mut self.0, (i64,), sql)?;
        Ok(accounts > 0)
    }

    /// Records keys as in use. One that is recorded stays as it is, retired or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add(&mut self, keys: &[InstallationKey]) -> Result<(), SqlError> {
        for InstallationKey { kind, kid, public } in keys {
            let sql = "insert into auth_keys (kind, kid, public) values ($1, $2, $3) on conflict do nothing";
            execute!(&mut self.0, sql, kind.as_str(), kid.as_str(), public.as_str())?;
        }
        Ok(())
    }

    /// Records keys as in use, whatever they were before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn restore(&mut self, keys: &[InstallationKey]) -> Result<(), SqlError> {
        self.add(keys).await?;
        for InstallationKey { kind, public, .. } in keys {
            let sql = "update auth_keys set retired_at = null where kind = $1 and public = $2";
            execute!(&mut self.0, sql, kind.as_str(), public.as_str())?;
        }
        Ok(())
    }

    /// Records a key as retired; whether it was in use.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn retire(&mut self, kid: &str) -> Result<bool, SqlError> {
        let sql = (
            "update auth_keys set retired_at = clock_timestamp() where kid = $1 and retired_at is null",
            "update auth_keys set retired_at = cast(unixepoch('subsec') * 1000000 as integer) \
             where kid = $1 and retired_at is null",
        );
        Ok(execute!(&mut self.0, sql, kid)? > 0)
    }

    /// Records every key as retired.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn retire_all(&mut self) -> Result<(), SqlError> {
        let sql = (
            "update auth_keys set retired_at = clock_timestamp() where retired_at is null",
            "update auth_keys set retired_at = cast(unixepoch('subsec') * 1000000 as integer) where retired_at is null",
        );
        execute!(&mut self.0, sql)?;
        Ok(())
    }

    /// Keeps what was changed.
    ///
    /// # Errors
    /// When the database does not answer. Whether it was kept is not known then.
    pub async fn commit(self) -> Result<(), SqlError> {
        self.0.commit().await
    }
}
