//! The progress of jobs.

use kernel::Timestamp;
use persistence::{Db, SqlError, SqlTimestamp, fetch_all, fetch_optional};
use serde::Serialize;
use users_domain::RowError;
use utoipa::ToSchema;
use uuid::Uuid;

/// A job: a command that handles many users in steps.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(title = "Job")]
pub struct JobView {
    /// The id of the job, which is also that of its command.
    pub id: Uuid,
    /// What the job does.
    #[schema(pattern = "^(import|deactivate|erase)$")]
    pub r#type: String,
    /// `uploading`: its rows are being stored. `running`: steps are waiting. `cancelling`: no further step begins.
    /// `succeeded`: every row was handled, see `errors`. `cancelled`: the steps before the cancellation stay done.
    #[schema(pattern = "^(uploading|running|cancelling|succeeded|cancelled)$")]
    pub status: String,
    /// The number of rows of a file, or of users; an estimate if over 1,000 users match.
    #[schema(minimum = 0)]
    pub total: i64,
    /// The number of rows or users that were handled, those with errors included.
    #[schema(minimum = 0)]
    pub done: i64,
    /// The number of rows or users with an error.
    #[schema(minimum = 0)]
    pub errors: i64,
    /// When the job was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the job has ended. Absent until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub finished_at: Option<Timestamp>,
}

type Row = (Uuid, String, String, i64, i64, i64, SqlTimestamp, Option<SqlTimestamp>);

/// Finds a job.
///
/// # Errors
/// When the database does not answer.
pub async fn find_job(db: &Db, id: Uuid) -> Result<Option<JobView>, SqlError> {
    let sql = "select id, kind, status, total, done, failed, created_at, finished_at from users_jobs where id = $1";
    let found = fetch_optional!(&mut db.read().await?, Row, sql, id)?;
    Ok(found.map(|(id, kind, status, total, done, errors, created_at, finished_at)| JobView {
        id,
        r#type: kind,
        status,
        total,
        done,
        errors,
        created_at: created_at.0,
        finished_at: finished_at.map(|at| at.0),
    }))
}

/// Reads up to `limit` errors of a job in the order of their lines, from the first after `line`.
///
/// # Errors
/// When the database does not answer.
pub async fn job_errors(db: &Db, job: Uuid, line: i64, limit: i64) -> Result<Vec<RowError>, SqlError> {
    let sql = "select line, code, message from users_job_errors where job = $1 and line > $2 order by line limit $3";
    let rows = fetch_all!(&mut db.read().await?, (i64, String, String), sql, job, line, limit)?;
    Ok(rows.into_iter().map(|(line, code, message)| RowError { line, code, message }).collect())
}
