use crate::db::Pools;
use crate::postgres::{Access, CONNECT, FAREWELL, Server};
use crate::{Conn, Db, OpenError, Sql as _, SqlError};
use sqlx::migrate::{MigrateError, MigrationType, Migrator};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, SqlitePool};
use std::sync::Arc;
use tokio::time::timeout;

/// The schema of one context, embedded in the binary. Each context keeps its own table of what has been applied.
///
/// Schema changes expand, and contract one release later: a node that is older than the schema
/// goes on working, so unknown newer migrations are tolerated.
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    /// The context's name, the prefix of all its tables.
    pub context: &'static str,
    /// In order, numbered from 1.
    pub all: &'static [Migration],
}

/// One step, in both dialects.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// What it does, in a few words.
    pub name: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
    /// For SQLite.
    pub sqlite: &'static str,
}

impl Migrations {
    fn table(&self) -> String {
        format!("{}_migrations", self.context)
    }

    fn migrator(&self, dialect: fn(&Migration) -> &'static str) -> Migrator {
        let steps = (1..).zip(self.all).map(|(version, step)| {
            sqlx::migrate::Migration::new(
                version,
                step.name.into(),
                MigrationType::Simple,
                dialect(step).into_sql_str(),
                false,
            )
        });
        let mut migrator = Migrator::with_migrations(steps.collect());
        migrator.dangerous_set_table_name(self.table());
        migrator.set_ignore_missing(true);
        migrator
    }
}

impl Db {
    /// Applies what is missing. Several processes may do so at once.
    ///
    /// # Errors
    /// When the database does not answer, or holds something else than these migrations left.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), OpenError> {
        if self.sessions_are_shared() {
            // What sqlx locks while it migrates is locked by a session, which may be another one a moment later.
            if self.pending(migrations).await? == 0 {
                return Ok(());
            }
            let why = "migrations need a session of PostgreSQL to themselves: run `roster migrate` with a DATABASE_URL \
                 that leads past the pooler, or through one with pool_mode = session";
            return Err(OpenError::Unfit(why.into()));
        }
        let done = match &self.0 {
            Pools::Postgres { server, .. } => migrate_postgres(server, migrations.migrator(|step| step.postgres)).await,
            Pools::Sqlite { writer, .. } => self.migrate_sqlite(writer, migrations).await,
        };
        done.map_err(|error| match error {
            MigrateError::Execute(error) => OpenError::Unreachable(error.into()),
            error => OpenError::Unfit(format!("the schema of {} cannot be applied: {error}", migrations.context)),
        })
    }

    /// SQLite has no lock to migrate under. Whoever comes second finds the tables there, and looks again.
    async fn migrate_sqlite(&self, writer: &SqlitePool, migrations: &Migrations) -> Result<(), MigrateError> {
        let migrator = migrations.migrator(|step| step.sqlite);
        let mut missing = usize::MAX;
        loop {
            let Err(error) = migrator.run(writer).await else { return Ok(()) };
            let still_missing = self.pending(migrations).await.unwrap_or(missing);
            if still_missing >= missing {
                return Err(error);
            }
            missing = still_missing;
        }
    }

    /// How many migrations are missing.
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
        let applied: Vec<(i64,)> = db.settle(applied)?;
        Ok((1..).zip(migrations.all).filter(|(version, _)| !applied.contains(&(*version,))).count())
    }
}

/// Under a lock of PostgreSQL's, on a connection of its own: an index on a large table takes longer
/// than a statement may otherwise.
async fn migrate_postgres(server: &Arc<Server>, migrator: Migrator) -> Result<(), MigrateError> {
    let preparing = server.clone();
    let unhurried = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT)
        .after_connect(move |connection, _| {
            let server = preparing.clone();
            Box::pin(async move {
                server.prepare(connection, Access::Write).await?;
                connection.execute("set statement_timeout = 0").await.map(drop)
            })
        })
        .connect_with(server.options.clone())
        .await?;
    let done = migrator.run(&unhurried).await;
    // It has said what it had to say.
    let _ = timeout(FAREWELL, unhurried.close()).await;
    done
}
