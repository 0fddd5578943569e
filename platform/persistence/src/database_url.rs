mod credentials;

pub(crate) use credentials::without_address;

use crate::Connections;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::path::PathBuf;
use std::str::FromStr;

/// The location of a database.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// `postgres://…`
    Postgres(Box<PostgresAddress>),
    /// `sqlite://path`
    Sqlite(PathBuf),
}

/// A PostgreSQL server, and the maximum number of connections to it per process.
#[derive(Clone)]
pub struct PostgresAddress {
    pub(crate) options: PgConnectOptions,
    pub(crate) connections: Connections,
}

impl std::ops::Deref for PostgresAddress {
    type Target = PgConnectOptions;

    fn deref(&self) -> &PgConnectOptions {
        &self.options
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    /// Parses a URL. The error never quotes the text, which may contain a password.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORMS: &str = "must be sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE";
        const ENCODE: &str = "in user and password write @ : / ? # % as %40 %3A %2F %3F %23 %25";
        if let Some(path) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
            return match path {
                "" => Err(format!("{FORMS}: the path is missing")),
                _ if path.contains(":memory:") => {
                    Err(format!("{FORMS}: a database in memory would lose everything that was accepted"))
                }
                _ if path.contains('?') => Err(format!("{FORMS}: it takes no parameters")),
                _ => Ok(Self::Sqlite(path.into())),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(text).map_err(|_| format!("{FORMS}; {ENCODE}"))?;
            return Ok(Self::Postgres(Box::new(PostgresAddress { options, connections: Connections::default() })));
        }
        Err(FORMS.to_owned())
    }
}

impl DatabaseUrl {
    /// The same location with another maximum number of connections. On SQLite the number is fixed.
    #[must_use]
    pub fn with_connections(mut self, connections: Connections) -> Self {
        if let Self::Postgres(to) = &mut self {
            to.connections = connections;
        }
        self
    }

    /// The same location for an application of this name, which PostgreSQL shows in `pg_stat_activity`.
    #[must_use]
    pub fn with_application(mut self, name: &str) -> Self {
        if let Self::Postgres(to) = &mut self {
            to.options = to.options.clone().application_name(name);
        }
        self
    }

    /// The maximum number of connections per process. `None` on SQLite.
    #[must_use]
    pub fn connections(&self) -> Option<Connections> {
        match self {
            Self::Postgres(to) => Some(to.connections),
            Self::Sqlite(_) => None,
        }
    }

    /// Whether the URL requires an encrypted connection.
    #[must_use]
    pub fn insists_on_tls(&self) -> bool {
        match self {
            Self::Postgres(to) => {
                matches!(to.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull)
            }
            Self::Sqlite(_) => false,
        }
    }
}

impl std::fmt::Display for DatabaseUrl {
    /// Shows the location without user and password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Postgres(to) => {
                let database = to.get_database().unwrap_or_default();
                match to.get_socket() {
                    Some(socket) => write!(f, "postgres:///{database} (by the socket in {})", socket.display()),
                    None => write!(f, "postgres://{}:{}/{database}", to.get_host(), to.get_port()),
                }
            }
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
        }
    }
}
