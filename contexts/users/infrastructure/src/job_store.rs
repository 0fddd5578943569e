//! Jobs outside of their steps: created before the command, cancelled, and deleted long after.

use crate::queries::find_users::{Count, count};
use identity::JobId;
use persistence::{Db, SqlError, Tx, execute, fetch_all, sql};
use users_domain::UserFilter;
use uuid::Uuid;

/// How many users match, exactly up to 1,000.
///
/// # Errors
/// When the database does not answer.
pub async fn count_matching(db: &Db, filter: &UserFilter) -> Result<i64, SqlError> {
    let (Count::Exact(count) | Count::Estimate(count) | Count::AtLeast(count)) = count(db, filter).await?;
    Ok(count)
}

/// Creates a job for the users who match, and returns its id. The command that has this id then begins it.
///
/// # Errors
/// When the database does not answer.
pub async fn create_job(db: &Db, kind: &str, filter: &UserFilter, by: Option<Uuid>) -> Result<JobId, SqlError> {
    let total = count_matching(db, filter).await?;
    insert_job(db, kind, "running", total, by).await
}

/// Creates a job for an import, whose rows are then stored.
pub(crate) async fn create_upload(db: &Db, by: Option<Uuid>) -> Result<JobId, SqlError> {
    insert_job(db, "import", "uploading", 0, by).await
}

async fn insert_job(db: &Db, kind: &str, status: &str, total: i64, by: Option<Uuid>) -> Result<JobId, SqlError> {
    let job = JobId::random();
    let sql = sql!(
        "insert into users_jobs (id, kind, status, total, created_by, created_at) values ($1, $2, $3, $4, $5, {clock})"
    );
    let mut tx = db.begin().await?;
    execute!(&mut tx, sql, job.as_uuid(), kind, status, total, by)?;
    tx.commit().await?;
    Ok(job)
}

/// Lets an import begin whose rows are all stored, unless it was cancelled.
pub(crate) async fn end_upload(db: &Db, job: JobId) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    let sql = "update users_jobs set status = 'running' where id = $1 and status = 'uploading'";
    execute!(&mut tx, sql, job.as_uuid())?;
    tx.commit().await
}

/// Cancels a job that has not ended: no further step begins.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel_job(db: &Db, job: Uuid) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    let sql = "update users_jobs set status = 'cancelling' where id = $1 and status in ('uploading', 'running')";
    execute!(&mut tx, sql, job)?;
    tx.commit().await
}

/// Deletes a job that has not begun.
pub(crate) async fn forget(db: &Db, job: JobId) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    delete(&mut tx, job.as_uuid()).await?;
    tx.commit().await
}

/// Deletes jobs that ended 30 days ago, and uploads that no process continues, a few in each transaction.
pub(crate) async fn tidy_jobs(db: &Db) -> Result<(), SqlError> {
    const OLD: (&str, &str) = sql!(
        "select id from users_jobs where finished_at < {now} - {30 d} \
         or (status in ('uploading', 'cancelling') and finished_at is null and created_at < {now} - {1 d}) limit 20"
    );
    loop {
        let mut tx = db.begin_low_priority().await?;
        let old = fetch_all!(&mut tx, (Uuid,), OLD)?;
        for (job,) in &old {
            delete(&mut tx, *job).await?;
        }
        tx.commit().await?;
        if old.is_empty() {
            return Ok(());
        }
    }
}

async fn delete(tx: &mut Tx, job: Uuid) -> Result<(), SqlError> {
    for sql in [
        "delete from users_job_rows where job = $1",
        "delete from users_job_errors where job = $1",
        "delete from users_jobs where id = $1",
    ] {
        execute!(tx, sql, job)?;
    }
    Ok(())
}
