//! Checks the rows of a file and stores them for the job that imports them.
#![expect(clippy::disallowed_methods, reason = "a file is read on a thread of its own, in pieces of 500 rows")]

use super::{ImportFile, ReadError, ReadRow};
use crate::job_store::{create_upload, end_upload, forget};
use crate::sql_jobs::add_errors;
use auth_access::CredentialReader;
use identity::{JobId, UserId};
use kernel::{Secret, Timestamp};
use persistence::{Db, SqlError, execute};
use std::io::BufRead;
use std::sync::Arc;
use tokio::sync::mpsc;
use users_domain::{ImportedUser, RowError};

/// How many rows are stored together, and handled in one step.
const STEP: usize = 500;
/// How many groups of rows may wait for the database.
const AHEAD: usize = 4;

/// A file to import.
pub struct Import<R> {
    pub file: ImportFile<R>,
    /// Checks what users sign in with.
    pub credentials: Arc<dyn CredentialReader>,
    /// The administrator who imports; `None` for an operator.
    pub by: Option<UserId>,
}

/// Why a file is not imported. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Database(#[from] SqlError),
}

type CheckedRow = Result<ImportedUser, RowError>;

impl<R: BufRead + Send + 'static> Import<R> {
    /// Checks the rows and stores them, with the errors of those that have one. The command
    /// [`ImportUsers`](users_application::ImportUsers) then imports them.
    ///
    /// # Errors
    /// [`ImportError`]
    pub async fn stage(self, db: &Db) -> Result<JobId, ImportError> {
        let Self { file, credentials, by } = self;
        let job = create_upload(db, by.map(UserId::as_uuid)).await?;
        let (rows, mut groups) = mpsc::channel(AHEAD);
        let reading = tokio::task::spawn_blocking(move || read(file, &*credentials, &rows));
        let stored = async {
            let mut number = 0;
            while let Some(group) = groups.recv().await {
                number += 1;
                store(db, job, number, group).await?;
            }
            Ok::<_, SqlError>(())
        };
        let stored = stored.await;
        drop(groups);
        let read = reading.await.unwrap_or_else(|panic| Err(ReadError::Malformed(panic.to_string())));
        let done: Result<(), ImportError> = match (stored, read) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), Err(error)) => Err(error.into()),
            (Ok(()), Ok(())) => end_upload(db, job).await.map_err(Into::into),
        };
        if done.is_err() {
            // If that fails, too, the upkeep deletes the rows later.
            let _ = forget(db, job).await;
        }
        done.map(|()| job)
    }

    /// Checks the rows without a database. `each` takes the errors; the result is the number of rows.
    ///
    /// # Errors
    /// [`ReadError`] when the file as a whole cannot be read.
    pub fn check(self, mut each: impl FnMut(RowError)) -> Result<i64, ReadError> {
        let (mut total, now) = (0, Timestamp::now());
        let credentials = self.credentials;
        self.file.read(&mut |row| {
            total += 1;
            if let Err(error) = check(row, &*credentials, now) {
                each(error);
            }
            true
        })?;
        Ok(total)
    }
}

/// Reads the rows and sends them on in groups.
fn read<R: BufRead>(
    file: ImportFile<R>,
    credentials: &dyn CredentialReader,
    rows: &mpsc::Sender<Vec<CheckedRow>>,
) -> Result<(), ReadError> {
    let (mut group, now) = (Vec::with_capacity(STEP), Timestamp::now());
    file.read(&mut |row| {
        group.push(check(row, credentials, now));
        group.len() < STEP || rows.blocking_send(std::mem::replace(&mut group, Vec::with_capacity(STEP))).is_ok()
    })?;
    if group.is_empty() || rows.blocking_send(group).is_ok() { Ok(()) } else { Err(ReadError::Stopped) }
}

fn check(row: ReadRow, credentials: &dyn CredentialReader, now: Timestamp) -> CheckedRow {
    let (line, mut row) = row?;
    let totp_secret = row.totp_secret.take().filter(|secret| !secret.trim().is_empty()).map(Secret::new);
    let mut user = ImportedUser::new(line, row, now).map_err(|why| RowError::new(line, &why))?;
    let unusable = |why| RowError::new(line, &why);
    if let Some(hash) = user.password_hash {
        user.password_hash = Some(credentials.password_hash(&hash).map_err(unusable)?);
    }
    if let Some(secret) = totp_secret {
        user.totp_secret = Some(credentials.totp_secret(user.id, &secret).map_err(unusable)?);
    }
    Ok(user)
}

/// Stores a group of rows, and the errors of those that have one.
async fn store(db: &Db, job: JobId, number: i64, group: Vec<CheckedRow>) -> Result<(), SqlError> {
    let rows = i64::try_from(group.len()).unwrap_or(i64::MAX);
    let (mut users, mut errors) = (Vec::new(), Vec::new());
    for row in group {
        match row {
            Ok(user) => users.push(user),
            Err(error) => errors.push(error),
        }
    }
    let failed = i64::try_from(errors.len()).unwrap_or(i64::MAX);
    let mut tx = db.begin().await?;
    if !users.is_empty() {
        // Plain data cannot fail to serialise.
        let users = serde_json::to_string(&users).unwrap_or_default();
        let sql = "insert into users_job_rows (job, number, rows) values ($1, $2, $3)";
        execute!(&mut tx, sql, job.as_uuid(), number, users)?;
    }
    add_errors(&mut tx, job, &errors).await?;
    let sql = "update users_jobs set total = total + $2, done = done + $3, failed = failed + $3 where id = $1";
    execute!(&mut tx, sql, job.as_uuid(), rows, failed)?;
    tx.commit().await
}
