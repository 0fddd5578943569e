use crate::db::Pools;
use crate::pool::PostgresPool;
use crate::postgres::{self, Access, Server};
use crate::sqlite_file::SqliteFile;
use crate::sqlite_stamp::new_stamp;
use crate::{Db, SqlError, fetch_one};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, SqlitePool};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Number of reading connections (SQLite).
const SQLITE_READERS: u32 = 4;
/// The writer's cache size, in KiB as a negative number. With SQLite's default of 2 MiB the ledger's indexes did not
/// stay in memory: registrations caused 24,000 reads of the file per second.
const WRITER_CACHE: &str = "-32768";
/// How long a request waits for a connection before the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// The first SQLite version without the corruption bug of the write-ahead log's reset.
const SQLITE_AT_LEAST: (u32, u32, u32) = (3, 51, 3);
/// The oldest PostgreSQL version that is tested.
const POSTGRES_AT_LEAST: i64 = 130_000;

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
    options: PgConnectOptions,
    connections: Connections,
}

impl std::ops::Deref for PostgresAddress {
    type Target = PgConnectOptions;

    fn deref(&self) -> &PgConnectOptions {
        &self.options
    }
}

/// The maximum number of connections of one process to PostgreSQL. One listens, and one accepts commands. Two thirds
/// of the rest write, and one third reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections(u32);

impl Connections {
    /// Two that write, one that reads, one that listens and one that accepts commands.
    pub const LEAST: u32 = 5;
    /// More connections would only queue inside PostgreSQL.
    pub const MOST: u32 = 1_000;
    const OWN_PURPOSE: u32 = 2;

    /// Creates a number from [`LEAST`](Self::LEAST) to [`MOST`](Self::MOST). Returns `None` for any other.
    #[must_use]
    pub fn new(all: u32) -> Option<Self> {
        (Self::LEAST..=Self::MOST).contains(&all).then_some(Self(all))
    }

    /// The total number.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.0
    }

    const fn readers(self) -> usize {
        ((self.0 - Self::OWN_PURPOSE) / 3) as usize
    }

    const fn writers(self) -> usize {
        (self.0 - Self::OWN_PURPOSE) as usize - self.readers()
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self(26)
    }
}

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

impl Db {
    /// Opens the database to serve it, and checks that its commits are durable.
    ///
    /// An SQLite file is created if missing, and locked: only one process may serve a file.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Postgres(address) => open_postgres(address).await,
            DatabaseUrl::Sqlite(path) => {
                let mut file = SqliteFile::open(path)?;
                if !file.serve().await? {
                    return Err(served(path, &file));
                }
                open_sqlite(file, SqliteSynchronous::Full).await
            }
        }
    }

    /// Opens the database, and returns whether this process may serve it. If another process serves an SQLite file,
    /// this one opens it without the lock. Any number of processes may serve PostgreSQL.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open_or_unlocked(url: &DatabaseUrl) -> Result<(Self, bool), OpenError> {
        match url {
            DatabaseUrl::Postgres(address) => Ok((open_postgres(address).await?, true)),
            DatabaseUrl::Sqlite(path) => {
                let mut file = SqliteFile::open(path)?;
                let is_free = file.serve().await?;
                Ok((open_sqlite(file, SqliteSynchronous::Full).await?, is_free))
            }
        }
    }

    /// Opens the database without the lock, for short transactions beside a serving process.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open_unlocked(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Postgres(address) => open_postgres(address).await,
            DatabaseUrl::Sqlite(path) => open_sqlite(SqliteFile::open(path)?, SqliteSynchronous::Full).await,
        }
    }

    /// Opens the database for reading. The database itself refuses every change, and a missing file is not created.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open_to_look(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Postgres(options) => open_postgres_for(options, Access::Read).await,
            DatabaseUrl::Sqlite(path) => open_sqlite_to_look(SqliteFile::open_existing(path)?).await,
        }
    }

    /// Opens an SQLite file that loses commits when the machine fails. Only for tests, which need it fast.
    ///
    /// # Errors
    /// [`OpenError`]
    #[cfg(feature = "testing")]
    pub async fn open_without_fsync(path: &Path) -> Result<Self, OpenError> {
        let mut file = SqliteFile::open(path)?;
        // The first call gets the lock. A test may open the file once more.
        file.try_serve()?;
        open_sqlite(file, SqliteSynchronous::Off).await
    }
}

async fn open_postgres(address: &PostgresAddress) -> Result<Db, OpenError> {
    open_postgres_for(address, Access::Write).await
}

/// Opens PostgreSQL. With `Access::Read`, PostgreSQL refuses every change.
async fn open_postgres_for(address: &PostgresAddress, access: Access) -> Result<Db, OpenError> {
    let PostgresAddress { options, connections } = address;
    // pgbouncer refuses this parameter, and PostgreSQL has written floating-point numbers in full since version 12.
    let options = options.clone().extra_float_digits(None);
    let pooling = postgres::pooling(&options).await?;
    let server = Server::new(options, pooling);
    let pool = |access, most| PostgresPool::new(&server, access, most);
    let writer = pool(access, connections.writers());
    let accepting = pool(access, 1);
    let reader = pool(Access::Read, connections.readers());
    let db = Db(Pools::Postgres { server, connections: *connections, writer, reader, accepting });
    check_guards(&db, access).await?;
    let mut tx = db.begin().await.map_err(OpenError::from)?;
    let sql = "select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), \
         current_setting('server_version_num')::bigint, current_setting('server_encoding'), current_database()::text";
    let (fsync, full_page_writes, synchronous_commit, version, encoding, database) =
        fetch_one!(&mut tx, (String, String, String, i64, String, String), sql).map_err(OpenError::from)?;
    tx.commit().await.map_err(OpenError::from)?;
    check_encoding(&encoding, &database)?;
    if version < POSTGRES_AT_LEAST {
        return Err(OpenError::Unfit(format!("PostgreSQL 13 or newer is needed; this is {}", version / 10_000)));
    }
    for (name, value) in
        [("fsync", fsync), ("full_page_writes", full_page_writes), ("synchronous_commit", synchronous_commit)]
    {
        if value == "off" {
            return Err(OpenError::Unfit(format!(
                "PostgreSQL runs with {name} = off, so what it commits may be lost: set it to on"
            )));
        }
    }
    Ok(db)
}

/// Checks that the timeouts hold, because a pooler may drop session settings. It uses separate statements, like later
/// callers.
async fn check_guards(db: &Db, access: Access) -> Result<(), OpenError> {
    let sql = "select current_setting('statement_timeout'), current_setting('lock_timeout'), \
         current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_read_only')";
    let mut tx = db.begin().await?;
    let of_writer = fetch_one!(&mut tx, (String, String, String, String), sql)?;
    drop(tx);
    let of_reader = fetch_one!(&mut db.read().await?, (String, String, String, String), sql)?;
    let expected = |read_only: &str| ("15s".to_owned(), "10s".to_owned(), "30s".to_owned(), read_only.to_owned());
    if of_writer == expected(if access == Access::Write { "off" } else { "on" }) && of_reader == expected("on") {
        return Ok(());
    }
    Err(OpenError::Unfit(
        "PostgreSQL does not keep the timeouts that this process sets, because something in front of it drops them: set \
         pool_mode = session in pgbouncer, or connect without it"
            .into(),
    ))
}

/// Refuses encodings other than UTF-8, because statements would fail on names in most scripts.
fn check_encoding(encoding: &str, database: &str) -> Result<(), OpenError> {
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(OpenError::Unfit(format!(
        "the encoding of the PostgreSQL database {database} is {encoding}, which cannot hold every name: make another one \
         with createdb --encoding=UTF8 --template=template0 NAME, and set DATABASE_URL to it"
    )))
}

fn served(path: &Path, file: &SqliteFile) -> OpenError {
    let holder = file.server();
    let process = holder.map_or_else(|| "another process".to_owned(), |id| format!("another process ({id})"));
    OpenError::InUse(format!(
        "{process} serves {}, and SQLite allows only one: stop the other process, or use PostgreSQL",
        path.display()
    ))
}

async fn open_sqlite(mut file: SqliteFile, synchronous: SqliteSynchronous) -> Result<Db, OpenError> {
    file.check_beside()?;
    file.doubt = file.check_log()?;
    let path = file.path();
    let unfit = |error: sqlx::Error| OpenError::Unfit(format!("cannot use {}: {error}", path.display()));
    let options = SqliteConnectOptions::new()
        .filename(path)
        // The file exists. If it has gone since, a new one in its place would be another database.
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options.clone().pragma("cache_size", WRITER_CACHE))
        .await
        .map_err(unfit)?;
    let (version, mode): (String, String) =
        sqlx::query_as("select sqlite_version(), (select journal_mode from pragma_journal_mode)")
            .fetch_one(&writer)
            .await
            .map_err(unfit)?;
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    if (part(), part(), part()) < SQLITE_AT_LEAST {
        return Err(OpenError::Unfit(format!("SQLite {version} can corrupt its log: 3.51.3 or newer is needed")));
    }
    if mode != "wal" {
        return Err(OpenError::Unfit(format!(
            "{} cannot have a write-ahead log here: use a local disk",
            path.display()
        )));
    }
    let reader = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options.read_only(true));
    // The file that SQLite has opened by name must be the locked one.
    file.check()?;
    if file.is_served_here() {
        if let Some(doubt) = &file.doubt {
            tracing::error!("{doubt}");
        }
        if let Err(error) = stamp(&file, &writer).await {
            tracing::warn!(%error, "the database file could not be stamped: a copy in its place cannot be detected");
        }
    }
    Ok(Db(Pools::Sqlite { writer, reader, urgent: Arc::default(), file: Arc::new(file) }))
}

impl From<SqlError> for OpenError {
    fn from(error: SqlError) -> Self {
        Self::connecting(error.into())
    }
}

impl OpenError {
    /// Whether PostgreSQL has no connection left for this role.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Unreachable(error) if error.code().as_deref() == Some("53300"))
    }

    pub(crate) fn connecting(error: sqlx::Error) -> Self {
        unreachable_or_unfit(error)
    }
}

/// Writes a new stamp into the file itself, not only into its log.
async fn stamp(file: &SqliteFile, writer: &SqlitePool) -> Result<(), sqlx::Error> {
    let stamp = new_stamp();
    file.record(&[file.stamp()?, stamp])?;
    sqlx::query(AssertSqlSafe(format!("pragma user_version = {stamp}"))).execute(writer).await?;
    sqlx::query("pragma wal_checkpoint(truncate)").execute(writer).await?;
    // Another process may have been reading, so that the log could not be emptied. Then both stamps are valid.
    if file.stamp()? == stamp {
        file.record(&[stamp])?;
    }
    Ok(())
}

async fn open_sqlite_to_look(mut file: SqliteFile) -> Result<Db, OpenError> {
    file.check_beside()?;
    file.doubt = file.check_log()?;
    let path = file.path();
    // Not `read_only`: such a connection needs a write-ahead log if it is the first one, and leaves the log behind if
    // it is the last one.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5))
        .pragma("query_only", "on");
    let pool = || {
        SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
    };
    let unfit = |error: sqlx::Error| OpenError::Unfit(format!("cannot read {}: {error}", path.display()));
    let reader = pool().connect_with(options.clone()).await.map_err(unfit)?;
    Ok(Db(Pools::Sqlite {
        writer: pool().connect_lazy_with(options),
        reader,
        urgent: Arc::default(),
        file: Arc::new(file),
    }))
}

/// Classifies an error of connecting. A wrong password, an unknown database or a wrong certificate does not go away
/// by itself.
fn unreachable_or_unfit(error: sqlx::Error) -> OpenError {
    if let Some(said) = error.as_database_error()
        && said.message().contains("startup parameter")
    {
        return OpenError::Unfit(format!(
            "{said}: leave it out of DATABASE_URL, or name it in ignore_startup_parameters of pgbouncer"
        ));
    }
    let is_tls = match &error {
        sqlx::Error::Io(error) => is_wrong_certificate(error),
        error => matches!(error, sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)),
    };
    if is_tls {
        return OpenError::Unfit(format!("{error}: see sslmode and sslrootcert in DATABASE_URL"));
    }
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some(code) if code.starts_with("28") || code.starts_with("3D") || code.starts_with("42") => {
            OpenError::Unfit(SqlError::from(error).to_string())
        }
        _ => OpenError::Unreachable(error.into()),
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
