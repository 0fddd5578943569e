use crate::SqlError;
use crate::postgres::StatementTimeout;
use sqlx::{PgConnection, SqliteConnection};

/// A connection that one statement runs on.
pub enum Conn<'a> {
    /// To PostgreSQL, and how long its answer is waited for.
    Postgres(&'a mut PgConnection, StatementTimeout),
    /// To SQLite.
    Sqlite(&'a mut SqliteConnection),
}

/// One text for both databases, or `(postgres, sqlite)` where they truly differ.
///
/// Only constants: values are bound, never pasted.
pub trait DialectSql: Copy {
    /// The text for PostgreSQL.
    fn postgres(self) -> &'static str;
    /// The text for SQLite.
    fn sqlite(self) -> &'static str;
}
impl DialectSql for &'static str {
    fn postgres(self) -> &'static str {
        self
    }
    fn sqlite(self) -> &'static str {
        self
    }
}
impl DialectSql for (&'static str, &'static str) {
    fn postgres(self) -> &'static str {
        self.0
    }
    fn sqlite(self) -> &'static str {
        self.1
    }
}

/// Where statements run: a [`Tx`](crate::Tx), an [`Autocommit`](crate::Autocommit) or a [`Read`](crate::Read).
/// Called by the macros.
pub trait Sql {
    /// Lends the connection for one statement, which counts as failed until [`settle`](Self::settle) says otherwise.
    fn conn(&mut self) -> Conn<'_>;

    /// Notes how the statement ended.
    ///
    /// # Errors
    /// The statement's own.
    fn record_result<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError>;
}
