use std::error::Error;
use std::fmt;
use std::sync::Arc;
use use_case::Unavailable;

/// The error of a failed statement. It distinguishes only the causes that callers treat differently.
#[derive(Debug, Clone)]
pub struct SqlError(Arc<sqlx::Error>);

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.in_our_words() {
            Some(says) => f.write_str(says),
            None => self.0.fmt(f),
        }
    }
}

impl Error for SqlError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.in_our_words().is_some() { None } else { self.0.source() }
    }
}

impl SqlError {
    /// Whether the statement lost a race (serialization, deadlock, lock timeout), so that an immediate retry makes
    /// sense.
    #[must_use]
    pub fn is_retried_soon(&self) -> bool {
        // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
        // SQLite: BUSY, BUSY_RECOVERY, BUSY_SNAPSHOT.
        matches!(self.code().as_deref(), Some("40001" | "40P01" | "55P03" | "5" | "261" | "517"))
    }

    /// Whether another transaction has stored the same value of a unique column.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.0.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    /// Whether the database does not answer, as opposed to answering with an error.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        match &*self.0 {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                true
            }
            // Class 57P: shut down, crashed, starting up. Class 08: the connection failed. 25006: read-only, like a
            // server that has become a standby. 53300: no connection is left.
            _ => self.code().is_some_and(|code| {
                code.starts_with("57P") || code.starts_with("08") || code == "25006" || code == "53300"
            }),
        }
    }

    /// Whether only this connection is lost. Another one may work.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let pool = matches!(&*self.0, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed);
        self.is_disconnected() && !pool && self.code().as_deref() != Some("53300")
    }

    /// Whether the state of the connection is unknown, because the statement ended without an answer from the
    /// database.
    pub(crate) fn leaves_the_connection_unknown(&self) -> bool {
        matches!(
            &*self.0,
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed
        )
    }

    /// Whether a row holds a value that cannot be read.
    pub(crate) fn is_about_one_row(&self) -> bool {
        matches!(&*self.0, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
    }

    /// Whether an fsync failed (SQLite's IOERR_FSYNC, IOERR_DIR_FSYNC). The contents of the disk are unknown from
    /// then on.
    fn is_failed_sync(&self) -> bool {
        matches!(self.code().as_deref(), Some("1034" | "1290"))
    }

    /// Our own text where PostgreSQL's would name the user of the URL, or the database, which may be named after the
    /// user.
    fn in_our_words(&self) -> Option<&'static str> {
        match self.code()?.as_ref() {
            "28P01" => Some("PostgreSQL refuses the password (28P01): see user and password in DATABASE_URL"),
            "28000" => Some("PostgreSQL refuses the sign-in (28000): see the user in DATABASE_URL, and pg_hba.conf"),
            "3D000" => Some("PostgreSQL has no such database (3D000): create it, or see DATABASE_URL"),
            "53300" => Some("PostgreSQL has no connection left for this user (53300)"),
            _ => None,
        }
    }

    pub(crate) fn cause(&self) -> &sqlx::Error {
        &self.0
    }

    pub(crate) fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.0.as_database_error().and_then(|error| error.code())
    }
}

impl From<SqlError> for Unavailable {
    fn from(error: SqlError) -> Self {
        if error.is_retried_soon() { Self::retry_soon(error) } else { Self::retry_later(error) }
    }
}

/// Aborts the process if a commit failed with a failed fsync.
pub(crate) fn stop_at_failed_sync(error: &SqlError) {
    if error.is_failed_sync() {
        tracing::error!(%error, "the disk failed to sync: stopping, since nothing written from here on could be trusted");
        std::process::abort();
    }
}
