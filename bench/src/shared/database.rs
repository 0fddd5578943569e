//! Databases: creating them, filling them, and asking them.

use super::block_on;
use super::process::{Usage, usage};
use super::scratch::Scratch;
use super::setting::Setting;
use anyhow::{Context as _, Result};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::Path;
use std::time::Duration;

/// A statement's text for PostgreSQL and for SQLite. Both may use the number `$1`.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

/// A database's name, as the statements that create and drop it.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    name: &'static str,
    create: &'static str,
    drop: &'static str,
}

pub(crate) const ROSTER: Name = Name {
    name: "bench_roster",
    create: "create database bench_roster encoding 'UTF8' template template0",
    drop: "drop database if exists bench_roster with (force)",
};
/// Databases of three sizes.
pub(crate) const GROWN: [Name; 3] = [
    Name {
        name: "bench_small",
        create: "create database bench_small encoding 'UTF8' template template0",
        drop: "drop database if exists bench_small with (force)",
    },
    Name {
        name: "bench_middle",
        create: "create database bench_middle encoding 'UTF8' template template0",
        drop: "drop database if exists bench_middle with (force)",
    },
    Name {
        name: "bench_large",
        create: "create database bench_large encoding 'UTF8' template template0",
        drop: "drop database if exists bench_large with (force)",
    },
];
pub(crate) const ORIGIN: Name = Name {
    name: "bench_origin",
    create: "create database bench_origin encoding 'UTF8' template template0",
    drop: "drop database if exists bench_origin with (force)",
};

/// An empty database. Drop removes it.
pub(crate) enum Database {
    Postgres { url: String, administration: String, name: Name },
    Sqlite { directory: Scratch },
}

impl Database {
    pub(crate) fn postgres(setting: &Setting, name: Name) -> Result<Self> {
        let (server, _) = setting.database_url.rsplit_once('/').context("the URL of PostgreSQL names a database")?;
        let url = format!("{server}/{}", name.name);
        let database = Self::Postgres { url, administration: setting.database_url.clone(), name };
        block_on(async {
            let mut connection = PgConnection::connect(&setting.database_url).await?;
            sqlx::raw_sql(name.drop).execute(&mut connection).await?;
            sqlx::raw_sql(name.create).execute(&mut connection).await?;
            Ok(())
        })?;
        Ok(database)
    }

    pub(crate) fn sqlite() -> Result<Self> {
        Ok(Self::Sqlite { directory: Scratch::new()? })
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Postgres { url, .. } => url.clone(),
            Self::Sqlite { directory } => format!("sqlite://{}", directory.path().join("roster.db").display()),
        }
    }

    /// Executes one statement with a number.
    pub(crate) fn execute(&self, sql: Sql, number: usize) -> Result<()> {
        let number = i64::try_from(number)?;
        block_on(async {
            match self {
                Self::Postgres { url, .. } => {
                    let mut connection = PgConnection::connect(url).await?;
                    if sql.postgres.contains("$1") {
                        sqlx::query(sql.postgres).bind(number).execute(&mut connection).await?;
                    } else {
                        sqlx::raw_sql(sql.postgres).execute(&mut connection).await?;
                    }
                    connection.close().await?;
                }
                Self::Sqlite { directory } => {
                    let mut connection = open(directory.path()).await?;
                    if sql.sqlite.contains("$1") {
                        sqlx::query(sql.sqlite).bind(number).execute(&mut connection).await?;
                    } else {
                        sqlx::raw_sql(sql.sqlite).execute(&mut connection).await?;
                    }
                    connection.close().await?;
                }
            }
            Ok(())
        })
    }

    /// Lets the database count its rows, as it would have done in time.
    pub(crate) fn analyze(&self) -> Result<()> {
        self.execute(Sql { postgres: "vacuum analyze", sqlite: "analyze" }, 0)
    }

    /// The texts in the last column of all rows.
    pub(crate) fn texts(&self, sql: Sql, number: usize) -> Result<Vec<String>> {
        use sqlx::Row as _;
        let number = i64::try_from(number)?;
        block_on(async {
            match self {
                Self::Postgres { url, .. } => {
                    let mut connection = PgConnection::connect(url).await?;
                    let query = sqlx::query(sql.postgres);
                    let query = if sql.postgres.contains("$1") { query.bind(number) } else { query };
                    let rows = query.fetch_all(&mut connection).await?;
                    rows.iter().map(|row| Ok(row.try_get(row.len() - 1)?)).collect()
                }
                Self::Sqlite { directory } => {
                    let mut connection = open(directory.path()).await?;
                    let query = sqlx::query(sql.sqlite);
                    let query = if sql.sqlite.contains("$1") { query.bind(number) } else { query };
                    let rows = query.fetch_all(&mut connection).await?;
                    rows.iter().map(|row| Ok(row.try_get(row.len() - 1)?)).collect()
                }
            }
        })
    }

    /// The version of PostgreSQL.
    pub(crate) fn version(url: &str) -> Result<String> {
        block_on(async {
            let mut connection = PgConnection::connect(url).await?;
            Ok(sqlx::query_scalar("show server_version").fetch_one(&mut connection).await?)
        })
    }

    /// What the processes of PostgreSQL use. SQLite has none.
    pub(crate) fn usage(&self) -> Result<Usage> {
        if matches!(self, Self::Sqlite { .. }) {
            return Ok(Usage::default());
        }
        let processes =
            Sql { postgres: "select pid::text from pg_stat_activity where pid <> pg_backend_pid()", sqlite: "" };
        let processes = self.texts(processes, 0)?;
        Ok(usage(processes.iter().filter_map(|id| id.parse().ok())))
    }
}

async fn open(directory: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(directory.join("roster.db"));
    Ok(options.busy_timeout(Duration::from_secs(60)).connect().await?)
}

impl Drop for Database {
    fn drop(&mut self) {
        let Self::Postgres { administration, name, .. } = self else { return };
        let dropped = block_on(async {
            let mut connection = PgConnection::connect(administration).await?;
            sqlx::raw_sql(name.drop).execute(&mut connection).await?;
            Ok(())
        });
        if let Err(error) = dropped {
            println!("the database {} cannot be dropped: {error:#}", name.name);
        }
    }
}
