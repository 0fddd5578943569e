//! One SQL adapter for PostgreSQL and SQLite.
//!
//! SQL is written once and runs on either: [`execute!`] and `fetch_*!` run one text on a [`Tx`], an
//! [`Autocommit`] or a [`Read`] and bind in both arms (`$1` works on both). Where the dialects truly differ, a pair of
//! texts `("… postgres", "… sqlite")` stands in its place.

mod autocommit;
mod db;
mod error;
mod migrate;
mod notify;
mod open;
mod pool;
mod postgres;
mod sql_timestamp;
mod sqlite_file;
mod sqlite_stamp;
mod statement;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod url;
mod uuid_list;

pub use autocommit::Autocommit;
pub use db::Db;
pub use error::SqlError;
pub use migrate::{Migration, Migrations};
pub use notify::Notifications;
pub use open::{Connections, DatabaseUrl, OpenError, PostgresAddress};
#[doc(hidden)]
pub use postgres::StatementTimeout;
pub use sql_timestamp::SqlTimestamp;
pub use statement::{Conn, DialectSql, Sql};
pub use tx::{Read, Tx};
pub use uuid_list::UuidList;

#[doc(hidden)]
pub use sqlx;

/// Runs a statement on a `&mut Tx`, `&mut Autocommit` or `&mut Read`; gives the number of rows it changed.
///
/// sqlx's futures take several KiB each. In a box, not every future around them is as large, and copied into the next.
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
                ::std::boxed::Box::pin(patience.wait(sql, $crate::sqlx::query(sql)$(.bind($bind))*.execute(c))).await.map(|done| done.rows_affected())
            }
            $crate::Conn::Sqlite(c) => ::std::boxed::Box::pin($crate::sqlx::query(($sql).sqlite())$(.bind($bind))*.execute(c)).await.map(|done| done.rows_affected()),
        };
        $crate::Sql::record_result(on, done)
    }};
}

/// What `fetch_one!`, `fetch_optional!` and `fetch_all!` share. Each runs the statement to its end: on SQLite sqlx's own
/// `fetch_one` leaves it at the first row, and whether a statement that commits by itself has committed is never told.
#[doc(hidden)]
#[macro_export]
macro_rules! fetch {
    ($pick:path, $on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {{
        use $crate::DialectSql as _;
        let on = &mut *$on;
        let done = match $crate::Sql::conn(on) {
            $crate::Conn::Postgres(c, patience) => {
                let sql = ($sql).postgres();
                ::std::boxed::Box::pin(patience.wait(sql, $crate::sqlx::query_as::<_, $row>(sql)$(.bind($bind))*.fetch_all(c))).await
            }
            $crate::Conn::Sqlite(c) => ::std::boxed::Box::pin($crate::sqlx::query_as::<_, $row>(($sql).sqlite())$(.bind($bind))*.fetch_all(c)).await,
        };
        $crate::Sql::record_result(on, done.and_then($pick))
    }};
}

/// The first row as a tuple, if there is one: `fetch_optional!(db, (Uuid, i64), "select …", id)?`
#[macro_export]
macro_rules! fetch_optional { ($($t:tt)*) => { $crate::fetch!($crate::pick::optional, $($t)*) }; }

/// The one row as a tuple; an error when there is none.
#[macro_export]
macro_rules! fetch_one { ($($t:tt)*) => { $crate::fetch!($crate::pick::one, $($t)*) }; }

/// All rows as tuples.
#[macro_export]
macro_rules! fetch_all { ($($t:tt)*) => { $crate::fetch!(::std::result::Result::Ok, $($t)*) }; }

/// What is wanted of all rows.
#[doc(hidden)]
pub mod pick {
    pub fn optional<Row>(rows: Vec<Row>) -> Result<Option<Row>, sqlx::Error> {
        Ok(rows.into_iter().next())
    }
    pub fn one<Row>(rows: Vec<Row>) -> Result<Row, sqlx::Error> {
        rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }
}
