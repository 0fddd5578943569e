use crate::db::Pools;
use crate::postgres::{Access, Server, close};
use crate::{Conn, Db, Migration, Migrations, OpenError, Sql as _, SqlError};
use sqlx::migrate::{AppliedMigration, Migrate as _, MigrateError, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, SqlitePool};
use std::time::Duration;
use tokio::time::Instant;

impl Migrations {
    fn table(&self) -> String {
        format!("{}_migrations", self.context)
    }

    /// `applied` lists the migrations that the database has recorded.
    fn migrator(&self, dialect: fn(&Migration) -> &'static str, applied: &[AppliedMigration]) -> Migrator {
        let steps = (self.first..).zip(self.all).map(|(version, step)| step.as_sqlx(version, dialect(step), applied));
        let mut migrator = Migrator::with_migrations(steps.collect());
        migrator.dangerous_set_table_name(self.table());
        migrator.set_ignore_missing(true);
        // The callers hold the lock.
        migrator.set_locking(false);
        migrator
    }
}

impl Migration {
    /// Converts the migration for sqlx. A checkout may have CRLF line ends; the applied text never has. A migration
    /// that an earlier build applied with CRLF counts as the same.
    fn as_sqlx(&self, version: i64, text: &str, applied: &[AppliedMigration]) -> sqlx::migrate::Migration {
        let step = |text| {
            let text = AssertSqlSafe(text).into_sql_str();
            sqlx::migrate::Migration::new(version, self.name.into(), MigrationType::Simple, text, false)
        };
        let text = text.replace("\r\n", "\n");
        let with_crlf = step(text.replace('\n', "\r\n")).checksum;
        let mut migration = step(text);
        if applied.iter().any(|it| it.version == version && it.checksum == with_crlf) {
            migration.checksum = with_crlf;
        }
        migration
    }
}

impl Db {
    /// Applies the missing migrations. When several processes do so at once, one applies them and the others wait,
    /// for five minutes at most.
    ///
    /// # Errors
    /// When the database does not answer, or its schema does not come from these migrations.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), OpenError> {
        if self.sessions_are_shared() {
            // sqlx locks a session while it migrates, and the pooler may switch sessions at any moment.
            if self.pending(migrations).await? == 0 {
                return Ok(());
            }
            let why = "migrations need a PostgreSQL session of their own: apply them by a DATABASE_URL that \
                 bypasses the pooler, or through a pooler with pool_mode = session";
            return Err(OpenError::Unfit(why.into()));
        }
        let done = match &self.0 {
            Pools::Postgres { server, .. } => migrate_postgres(server, migrations).await,
            Pools::Sqlite { writer, .. } => self.migrate_sqlite(writer, migrations).await,
        };
        done.map_err(|error| match error {
            MigrateError::Execute(error) if is_locked(&error) => OpenError::Unfit(format!(
                "the schema of {} cannot be applied: another process has held a lock on it for {} minutes; wait until it has ended, and start again",
                migrations.context,
                LOCKED_WITHIN.as_secs() / 60
            )),
            MigrateError::Execute(error) => OpenError::Unreachable(error.into()),
            error => OpenError::Unfit(format!("the schema of {} cannot be applied: {error}", migrations.context)),
        })
    }

    /// SQLite has no lock for migrations. The second process fails because the tables exist, and then tries what is
    /// still missing.
    async fn migrate_sqlite(&self, writer: &SqlitePool, migrations: &Migrations) -> Result<(), MigrateError> {
        let mut waiting = Waiting::default();
        let mut missing = usize::MAX;
        loop {
            let Err(error) = once_on_sqlite(writer, migrations).await else { return Ok(()) };
            if locked(&error) && waiting.goes_on() {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            let still_missing = self.pending(migrations).await.unwrap_or(missing);
            if still_missing >= missing {
                return Err(error);
            }
            missing = still_missing;
        }
    }

    /// Counts the missing migrations.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending(&self, migrations: &Migrations) -> Result<usize, SqlError> {
        let exists = (
            "select count(*) from pg_tables where schemaname = any(current_schemas(false)) and tablename = $1",
            "select count(*) from sqlite_schema where type = 'table' and name = $1",
        );
        let mut db = self.read().await?;
        let (tables,) = crate::fetch_one!(&mut db, (i64,), exists, migrations.table())?;
        if tables == 0 {
            return Ok(migrations.all.len());
        }
        // The name is a constant of the code.
        let applied = format!("select version from {} where success", migrations.table());
        let applied = match db.conn() {
            Conn::Postgres(conn, patience) => {
                patience.wait("select version", sqlx::query_as(AssertSqlSafe(applied)).fetch_all(conn)).await
            }
            Conn::Sqlite(conn) => sqlx::query_as(AssertSqlSafe(applied)).fetch_all(conn).await,
        };
        let applied: Vec<(i64,)> = db.record_result(applied)?;
        Ok((migrations.first..).zip(migrations.all).filter(|(version, _)| !applied.contains(&(*version,))).count())
    }
}

/// How long a process waits for another one that migrates.
const LOCKED_WITHIN: Duration = Duration::from_secs(300);
/// Pause between two tries.
const AGAIN: Duration = Duration::from_millis(500);

/// The wait for another process that migrates. It logs one warning.
struct Waiting {
    since: Instant,
    has_warned: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { since: Instant::now(), has_warned: false }
    }
}

impl Waiting {
    fn goes_on(&mut self) -> bool {
        if !std::mem::replace(&mut self.has_warned, true) {
            let minutes = LOCKED_WITHIN.as_secs() / 60;
            tracing::warn!(
                "another process holds a lock on the schema, probably to migrate it: waiting for up to {minutes} minutes"
            );
        }
        self.since.elapsed() < LOCKED_WITHIN
    }
}

fn locked(error: &MigrateError) -> bool {
    matches!(error, MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_locked(error))
}

/// PostgreSQL: `lock_not_available`. SQLite: BUSY and its kinds.
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("55P03" | "5" | "261" | "517"))
}

async fn once_on_sqlite(writer: &SqlitePool, migrations: &Migrations) -> Result<(), MigrateError> {
    let mut connection = writer.acquire().await?;
    connection.ensure_migrations_table(&migrations.table()).await?;
    let applied = connection.list_applied_migrations(&migrations.table()).await?;
    let migrator = migrations.migrator(|step| step.sqlite, &applied);
    // Not `run`: the compiler cannot prove that its future on a connection is `Send`.
    migrator.run_direct(None, &mut *connection, false).await
}

/// Migrates under a lock of PostgreSQL, on a new connection without a statement timeout: an index on a large table
/// may take longer than that.
async fn migrate_postgres(server: &Server, migrations: &Migrations) -> Result<(), MigrateError> {
    let mut unhurried = server.connect(Access::Write).await?;
    unhurried.execute("set statement_timeout = 0").await?;
    let mut waiting = Waiting::default();
    // The lock timeout ends each wait.
    while let Err(error) = unhurried.lock().await {
        if !locked(&error) || !waiting.goes_on() {
            return Err(error);
        }
    }
    unhurried.ensure_migrations_table(&migrations.table()).await?;
    let applied = unhurried.list_applied_migrations(&migrations.table()).await?;
    let migrator = migrations.migrator(|step| step.postgres, &applied);
    let done = migrator.run_direct(None, &mut unhurried, false).await;
    // The lock ends with the connection.
    close(unhurried).await;
    done
}
