use sqlx::{Encode, Postgres, Sqlite, Type};

/// A value that a statement can bind on either database. `execute!` and `fetch_*!` require it, so that the compiler says
/// what to write instead of a wrong value.
///
/// ```
/// # async fn f(tx: &mut persistence::Tx, id: kernel::MessageId) -> Result<u64, persistence::SqlError> {
/// persistence::execute!(tx, "delete from t where id = $1", id.as_uuid())
/// # }
/// ```
/// ```compile_fail
/// # async fn f(tx: &mut persistence::Tx, id: kernel::MessageId) -> Result<u64, persistence::SqlError> {
/// persistence::execute!(tx, "delete from t where id = $1", id)
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a statement cannot bind a `{Self}`",
    label = "this value has no SQL type",
    note = "bind an id as `id.as_uuid()`, a `Timestamp` as `SqlTimestamp(at)`, and many ids as `UuidList(&ids)`",
    note = "bind any other value as what its column holds: text, an integer, a boolean or bytes"
)]
pub trait SqlValue<'q>: Encode<'q, Postgres> + Type<Postgres> + Encode<'q, Sqlite> + Type<Sqlite> {}

#[diagnostic::do_not_recommend]
impl<'q, T> SqlValue<'q> for T where T: Encode<'q, Postgres> + Type<Postgres> + Encode<'q, Sqlite> + Type<Sqlite> {}

/// Returns the value. Its type is hidden, so that a value of a wrong type is one error here, and none in sqlx.
#[doc(hidden)]
pub fn checked<'q, T: SqlValue<'q>>(value: T) -> impl SqlValue<'q> {
    value
}
