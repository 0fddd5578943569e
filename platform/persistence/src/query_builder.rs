use crate::{Conn, DialectSql, Sql, SqlError, SqlTimestamp};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow, Postgres, Sqlite};
use std::fmt::Write as _;
use uuid::Uuid;

/// A query whose conditions depend on a request. Its text consists of constants: values are bound, never
/// concatenated.
///
/// For a fixed query, use [`sql!`](crate::sql) and `fetch_*!`. The databases cannot use an index for
/// `$1 is null or column = $1`, so a query with optional conditions leaves out those that it does not need.
///
/// ```
/// let mut query = persistence::QueryBuilder::new("select name from t where true");
/// query.push("and city =").bind(String::from("Paris")).push("order by name limit").bind(10_i64);
/// assert_eq!(query.text().0, "select name from t where true and city = $1 order by name limit $2");
/// ```
#[derive(Debug, Clone)]
pub struct QueryBuilder {
    postgres: String,
    sqlite: String,
    values: Vec<QueryValue>,
}

/// A value that a [`QueryBuilder`] binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryValue {
    Text(String),
    Uuid(Uuid),
    Time(SqlTimestamp),
    Integer(i64),
    /// A text that the two dialects write differently.
    TextPerDialect {
        postgres: String,
        sqlite: String,
    },
}

impl From<(String, String)> for QueryValue {
    fn from((postgres, sqlite): (String, String)) -> Self {
        Self::TextPerDialect { postgres, sqlite }
    }
}

macro_rules! values {
    ($($variant:ident: $value:ty),+) => {
        $(impl From<$value> for QueryValue {
            fn from(value: $value) -> Self {
                Self::$variant(value)
            }
        })+

        /// Adds the values to a statement of sqlx.
        macro_rules! bound {
            ($query:expr, $bound:expr, $dialect:ident) => {
                $bound.into_iter().fold($query, |query, value| match value {
                    $(QueryValue::$variant(value) => query.bind(value),)+
                    QueryValue::TextPerDialect { $dialect, .. } => query.bind($dialect),
                })
            };
        }
    };
}

values!(Text: String, Uuid: Uuid, Time: SqlTimestamp, Integer: i64);

impl QueryBuilder {
    /// Begins a query.
    #[must_use]
    pub fn new(sql: impl DialectSql) -> Self {
        Self { postgres: sql.postgres().to_owned(), sqlite: sql.sqlite().to_owned(), values: Vec::new() }
    }

    /// Adds a text after a space.
    pub fn push(&mut self, sql: impl DialectSql) -> &mut Self {
        for (text, more) in [(&mut self.postgres, sql.postgres()), (&mut self.sqlite, sql.sqlite())] {
            text.push(' ');
            text.push_str(more);
        }
        self
    }

    /// Adds a value after a space.
    pub fn bind(&mut self, value: impl Into<QueryValue>) -> &mut Self {
        self.values.push(value.into());
        for text in [&mut self.postgres, &mut self.sqlite] {
            // Writing to a String cannot fail.
            let _ = write!(text, " ${}", self.values.len());
        }
        self
    }

    /// The texts for PostgreSQL and for SQLite.
    #[must_use]
    pub fn text(&self) -> (&str, &str) {
        (&self.postgres, &self.sqlite)
    }

    /// Fetches all rows as tuples.
    ///
    /// The statement is not kept prepared: each combination of conditions is another text, and PostgreSQL is to plan
    /// it for these values.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn fetch_all<Row>(self, on: &mut impl Sql) -> Result<Vec<Row>, SqlError>
    where
        Row: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let Self { postgres, sqlite, values } = self;
        let done = match on.conn() {
            Conn::Postgres(conn, patience) => {
                let query = bound!(sqlx::query_as::<Postgres, Row>(AssertSqlSafe(postgres)), values, postgres);
                Box::pin(patience.wait("a query that was built", query.persistent(false).fetch_all(conn))).await
            }
            Conn::Sqlite(conn) => {
                let query = bound!(sqlx::query_as::<Sqlite, Row>(AssertSqlSafe(sqlite)), values, sqlite);
                Box::pin(query.persistent(false).fetch_all(conn)).await
            }
        };
        on.record_result(done)
    }
}
