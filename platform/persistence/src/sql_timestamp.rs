use kernel::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};

/// A [`Timestamp`] as a column: `timestamptz` on PostgreSQL, integer microseconds on SQLite.
///
/// Text would not do: the texts that the usual adapters write to SQLite do not sort (`…20.5Z` comes before `…20Z`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SqlTimestamp(pub Timestamp);

/// PostgreSQL counts microseconds from 2000-01-01.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

fn restore(microseconds: i64) -> Result<SqlTimestamp, BoxDynError> {
    Timestamp::from_microsecond(microseconds)
        .map(SqlTimestamp)
        .ok_or_else(|| "a time outside the years -9999 to 9999".into())
}

impl Type<Postgres> for SqlTimestamp {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("TIMESTAMPTZ")
    }
}
impl Encode<'_, Postgres> for SqlTimestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Postgres>>::encode(self.0.as_microsecond() - POSTGRES_EPOCH, buffer)
    }
}
impl<'r> Decode<'r, Postgres> for SqlTimestamp {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        restore(<i64 as Decode<Postgres>>::decode(value)?.saturating_add(POSTGRES_EPOCH))
    }
}

impl Type<Sqlite> for SqlTimestamp {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }
    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}
impl Encode<'_, Sqlite> for SqlTimestamp {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Sqlite>>::encode(self.0.as_microsecond(), buffer)
    }
}
impl<'r> Decode<'r, Sqlite> for SqlTimestamp {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        restore(<i64 as Decode<Sqlite>>::decode(value)?)
    }
}
