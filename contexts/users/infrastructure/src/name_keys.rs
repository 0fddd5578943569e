//! Computes the search keys of names that a version without them has stored. The databases cannot: SQLite knows the
//! case of ASCII letters only.

use persistence::{Db, SqlError, execute, fetch_all};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;
use users_domain::Name;
use uuid::Uuid;

/// A process of an older version may still register users.
const EVERY: Duration = Duration::from_secs(60);
/// The users of one transaction.
const BATCH: usize = 500;

/// Computes missing search keys until it is dropped.
pub(crate) async fn fill(db: Db) {
    loop {
        match fill_some(&db).await {
            Ok(BATCH) => {}
            Ok(_) => sleep(EVERY).await,
            Err(error) => {
                tracing::warn!(%error, "could not compute the search keys of names: retrying in a minute");
                sleep(EVERY).await;
            }
        }
    }
}

/// Computes the search keys of some users. Returns how many it has found.
async fn fill_some(db: &Db) -> Result<usize, SqlError> {
    let missing = "select id, name from users_users where name_key is null limit $1";
    let batch = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let mut read = db.read().await?;
    let rows = fetch_all!(&mut read, (Uuid, Option<String>), missing, batch)?;
    drop(read);
    if rows.is_empty() {
        return Ok(0);
    }
    let key = |name: Option<&str>| name.and_then(|name| Name::restore(name).ok()).map(|name| name.search_key());
    let keys: Vec<_> =
        rows.iter().map(|(id, name)| json!({ "id": id, "key": key(name.as_deref()).unwrap_or_default() })).collect();
    let keys = serde_json::to_string(&keys).unwrap_or_default();
    let store = (
        "update users_users set name_key = given.key from json_to_recordset($1::json) as given (id uuid, key text) \
         where users_users.id = given.id and users_users.name_key is null",
        "update users_users set name_key = given.value->>'key' from json_each($1) given \
         where users_users.id = unhex(given.value->>'id', '-') and users_users.name_key is null",
    );
    let mut tx = db.begin_low_priority().await?;
    execute!(&mut tx, store, keys)?;
    tx.commit().await?;
    Ok(rows.len())
}

#[cfg(test)]
mod tests {
    use super::fill_some;
    use persistence::testing::TestDb;
    use persistence::{execute, fetch_all, sql};
    use uuid::Uuid;

    #[tokio::test]
    async fn users_of_an_earlier_version_get_their_search_keys() {
        for test_db in TestDb::each().await {
            for migrations in [ledger::MIGRATIONS, crate::MIGRATIONS] {
                test_db.db.migrate(&migrations).await.expect("a schema");
            }
            let mut tx = test_db.db.begin().await.expect("a transaction");
            let sql = sql!(
                "insert into users_users (id, email, email_canonical, name, version, registered_at) \
                 values ($1, $2, $2, $3, 1, {now})"
            );
            for (n, name) in [(1, Some("Özil")), (2, None), (3, Some("ADA"))] {
                execute!(&mut tx, sql, Uuid::from_u128(n), format!("{n}@example.org"), name).expect("a row");
            }
            tx.commit().await.expect("committed");
            assert_eq!(fill_some(&test_db.db).await.expect("stored"), 3);
            assert_eq!(fill_some(&test_db.db).await.expect("read"), 0);
            let sql = "select name_key from users_users order by id";
            let mut read = test_db.db.read().await.expect("a connection");
            let keys = fetch_all!(&mut read, (String,), sql).expect("read");
            assert_eq!(keys.iter().map(|(key,)| key.as_str()).collect::<Vec<_>>(), ["özil", "", "ada"]);
        }
    }
}
