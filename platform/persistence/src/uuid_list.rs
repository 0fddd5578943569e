use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType as _, PgTypeInfo};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo};
use sqlx::{Encode, Postgres, Sqlite, Type};
use uuid::Uuid;

/// Many ids in one parameter: `uuid[]` on PostgreSQL, a JSON array of hexadecimal texts on SQLite.
///
/// `sql!("select … where id {in $1}")`
#[derive(Debug, Clone, Copy)]
pub struct UuidList<'a>(pub &'a [Uuid]);

impl Type<Postgres> for UuidList<'_> {
    fn type_info() -> PgTypeInfo {
        Uuid::array_type_info()
    }
}
impl<'q> Encode<'q, Postgres> for UuidList<'q> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <&[Uuid] as Encode<Postgres>>::encode(self.0, buffer)
    }
}

impl Type<Sqlite> for UuidList<'_> {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}
impl<'q> Encode<'q, Sqlite> for UuidList<'q> {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        let quoted: Vec<_> = self.0.iter().map(|id| format!("\"{}\"", id.simple())).collect();
        <String as Encode<Sqlite>>::encode(format!("[{}]", quoted.join(",")), buffer)
    }
}
