use persistence::{Db, SqlError, fetch_one, sql};

/// Counts the live sessions and service keys that were opened, created or refreshed over a minute ahead of the
/// database's clock. They count as expired.
///
/// # Errors
/// If the database does not answer.
pub async fn ahead_of_the_clock(db: &Db) -> Result<i64, SqlError> {
    let sql = sql!(
        "select (select count(*) from auth_sessions where ended_at is null \
           and (opened_at > {clock} + {1 min} or refreshed_at > {clock} + {1 min})) \
         + (select count(*) from auth_service_keys where revoked_at is null and created_at > {clock} + {1 min})"
    );
    let mut db = db.read().await?;
    Ok(fetch_one!(&mut db, (i64,), sql)?.0)
}
