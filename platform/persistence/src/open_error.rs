use crate::SqlError;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database does not answer. A retry may help.
    #[error("{0}")]
    Unreachable(#[source] SqlError),
    /// The database answers, but must not be used as it is.
    #[error("{0}")]
    Unfit(String),
    /// Another process serves the SQLite file. The text ends in two remedies; the caller may add its own.
    #[error("{0}")]
    InUse(String),
}

impl From<SqlError> for OpenError {
    fn from(error: SqlError) -> Self {
        unreachable_or_unfit(error)
    }
}

impl OpenError {
    /// Whether PostgreSQL has no connection left for this role.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Unreachable(error) if error.code().as_deref() == Some("53300"))
    }

    pub(crate) fn connecting(error: sqlx::Error) -> Self {
        unreachable_or_unfit(error.into())
    }
}

/// Classifies an error of connecting. A wrong password, an unknown database or a wrong certificate does not go away
/// by itself.
fn unreachable_or_unfit(error: SqlError) -> OpenError {
    let cause = error.cause();
    if let Some(said) = cause.as_database_error()
        && said.message().contains("startup parameter")
    {
        return OpenError::Unfit(format!(
            "{said}: leave it out of DATABASE_URL, or name it in ignore_startup_parameters of pgbouncer"
        ));
    }
    let is_tls = match cause {
        sqlx::Error::Io(error) => is_wrong_certificate(error),
        error => matches!(error, sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)),
    };
    if is_tls {
        return OpenError::Unfit(format!("{cause}: see sslmode and sslrootcert in DATABASE_URL"));
    }
    match error.code().as_deref() {
        Some(code) if code.starts_with("28") || code.starts_with("3D") || code.starts_with("42") => {
            OpenError::Unfit(error.to_string())
        }
        _ => OpenError::Unreachable(error),
    }
}

/// Whether a certificate is wrong. One that is not valid yet does not count, because the clock may be about to be
/// set.
fn is_wrong_certificate(error: &std::io::Error) -> bool {
    use rustls::{CertificateError, Error};
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(Error::InvalidCertificate(why)) => {
            !matches!(why, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. })
        }
        _ => false,
    }
}
