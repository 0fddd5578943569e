use crate::SqlError;
use crate::postgres::StatementTimeout;
use sqlx::{PgConnection, SqliteConnection};

/// A connection on which one statement runs.
pub enum Conn<'a> {
    /// PostgreSQL, with the timeout for its answer.
    Postgres(&'a mut PgConnection, StatementTimeout),
    Sqlite(&'a mut SqliteConnection),
}

/// SQL as one text for both databases, or as `(postgres, sqlite)` where the dialects differ.
///
/// Only constants: values are bound, never concatenated.
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

/// A target for statements: a [`Tx`](crate::Tx), an [`Autocommit`](crate::Autocommit) or a [`Read`](crate::Read). The
/// macros call it.
pub trait Sql {
    /// Lends the connection for one statement, which counts as failed until [`record_result`](Self::record_result) is
    /// called.
    fn conn(&mut self) -> Conn<'_>;

    /// Records how the statement ended.
    ///
    /// # Errors
    /// The statement's own error.
    fn record_result<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError>;
}
