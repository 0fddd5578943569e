//! One SQL adapter for PostgreSQL and SQLite.
//!
//! Most SQL is written once: [`execute!`] and `fetch_*!` run one text on a [`Tx`], an [`Autocommit`] or a [`Read`],
//! and bind its parameters for either database (`$1` works on both). [`sql!`] replaces words for what the dialects
//! spell differently: `{now}`, `{15 s}`, `{for update skip locked}`. Where the dialects differ in more than words, each
//! gets its own text: `sql!(postgres: "…"; sqlite: "…")`, or a plain pair `("… postgres", "… sqlite")`.

mod autocommit;
mod batch_loader;
mod connections;
mod database_url;
mod db;
mod error;
mod migrate;
mod migrations;
mod notify;
mod open;
mod open_error;
mod pool;
mod postgres;
mod query_builder;
mod roots;
mod sql;
mod sql_timestamp;
mod sql_value;
mod sqlite_file;
mod sqlite_stamp;
mod statement;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod uuid_list;
#[doc(hidden)]
pub mod words;

pub use autocommit::Autocommit;
pub use batch_loader::{BatchLoader, BatchQuery, Rows};
pub use connections::Connections;
pub use database_url::{DatabaseUrl, PostgresAddress};
pub use db::Db;
pub use error::SqlError;
pub use migrations::{Migration, Migrations};
#[doc(hidden)]
pub use migrations::{check_numbers, without_number};
pub use notify::Notifications;
pub use open_error::OpenError;
#[doc(hidden)]
pub use postgres::StatementTimeout;
pub use query_builder::{QueryBuilder, QueryValue};
pub use sql_timestamp::SqlTimestamp;
pub use sql_value::SqlValue;
#[doc(hidden)]
pub use sql_value::checked;
pub use statement::{Conn, DialectSql, Sql};
pub use tx::{Read, Tx};
pub use uuid_list::UuidList;

#[doc(hidden)]
pub use sqlx;

/// Runs a statement on a `&mut Tx`, `&mut Autocommit` or `&mut Read`, and returns the number of changed rows.
///
/// sqlx's futures take several KiB each. They are boxed, so that the futures around them stay small and cheap to
/// move.
///
/// `execute!(tx, "update t set n = $2 where id = $1", id, n)?`
#[macro_export]
macro_rules! execute {
    ($on:expr, $sql:expr $(, $bind:expr)* $(,)?) => {{
        use $crate::DialectSql as _;
        let on = &mut *$on;
        let done = match $crate::Sql::conn(on) {
            $crate::Conn::Postgres(c, patience) => {
                let sql = ($sql).postgres();
                ::std::boxed::Box::pin(patience.wait(sql, $crate::sqlx::query(sql)$(.bind($crate::checked($bind)))*.execute(c))).await.map(|done| done.rows_affected())
            }
            $crate::Conn::Sqlite(c) => ::std::boxed::Box::pin($crate::sqlx::query(($sql).sqlite())$(.bind($crate::checked($bind)))*.execute(c)).await.map(|done| done.rows_affected()),
        };
        $crate::Sql::record_result(on, done)
    }};
}

/// The common part of `fetch_one!`, `fetch_optional!` and `fetch_all!`. It runs each statement to its end. On SQLite,
/// sqlx's own `fetch_one` stops at the first row, and then does not report whether an autocommit statement has
/// committed.
#[doc(hidden)]
#[macro_export]
macro_rules! fetch {
    ($pick:path, $on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {{
        use $crate::DialectSql as _;
        let on = &mut *$on;
        let done = match $crate::Sql::conn(on) {
            $crate::Conn::Postgres(c, patience) => {
                let sql = ($sql).postgres();
                ::std::boxed::Box::pin(patience.wait(sql, $crate::sqlx::query_as::<_, $row>(sql)$(.bind($crate::checked($bind)))*.fetch_all(c))).await
            }
            $crate::Conn::Sqlite(c) => ::std::boxed::Box::pin($crate::sqlx::query_as::<_, $row>(($sql).sqlite())$(.bind($crate::checked($bind)))*.fetch_all(c)).await,
        };
        $crate::Sql::record_result(on, done.and_then($pick))
    }};
}

/// Fetches the first row as a tuple, if there is one: `fetch_optional!(db, (Uuid, i64), "select …", id)?`
#[macro_export]
macro_rules! fetch_optional { ($($t:tt)*) => { $crate::fetch!($crate::pick::optional, $($t)*) }; }

/// Fetches the one row as a tuple. No row is an error.
#[macro_export]
macro_rules! fetch_one { ($($t:tt)*) => { $crate::fetch!($crate::pick::one, $($t)*) }; }

/// Fetches all rows as tuples.
#[macro_export]
macro_rules! fetch_all { ($($t:tt)*) => { $crate::fetch!(::std::result::Result::Ok, $($t)*) }; }

/// How a macro selects its result from all rows.
#[doc(hidden)]
pub mod pick {
    /// The first row, if there is one.
    pub fn optional<Row>(rows: Vec<Row>) -> Result<Option<Row>, sqlx::Error> {
        Ok(rows.into_iter().next())
    }
    /// The one row.
    pub fn one<Row>(rows: Vec<Row>) -> Result<Row, sqlx::Error> {
        rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }
}
