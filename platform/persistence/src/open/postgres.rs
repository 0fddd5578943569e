use crate::db::Pools;
use crate::pool::PostgresPool;
use crate::postgres::{self, Access, Server};
use crate::roots::with_roots;
use crate::{Db, OpenError, PostgresAddress, fetch_one};

/// The oldest PostgreSQL version that is tested.
const POSTGRES_AT_LEAST: i64 = 130_000;

pub(super) async fn open_postgres(address: &PostgresAddress) -> Result<Db, OpenError> {
    open_postgres_for(address, Access::Write).await
}

/// Opens PostgreSQL. With `Access::Read`, PostgreSQL refuses every change.
pub(super) async fn open_postgres_for(address: &PostgresAddress, access: Access) -> Result<Db, OpenError> {
    let PostgresAddress { options, connections } = address;
    // pgbouncer refuses this parameter, and PostgreSQL has written floating-point numbers in full since version 12.
    let options = with_roots(options.clone().extra_float_digits(None))?;
    let pooling = postgres::pooling(&options).await?;
    let server = Server::new(options, pooling);
    let pool = |access, most| PostgresPool::new(&server, access, most);
    let writer = pool(access, connections.writers());
    let accepting = pool(access, 1);
    let reader = pool(Access::Read, connections.readers());
    // With few connections, batches share those of the other readers.
    let batches = match connections.batches() {
        0 => reader.clone(),
        most => pool(Access::Read, most),
    };
    let db = Db(Pools::Postgres { server, connections: *connections, writer, reader, batches, accepting });
    check_guards(&db, access).await?;
    let mut tx = db.begin().await.map_err(OpenError::from)?;
    let sql = "select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), \
         current_setting('server_version_num')::bigint, current_setting('server_encoding'), current_database()::text";
    let (fsync, full_page_writes, synchronous_commit, version, encoding, database) =
        fetch_one!(&mut tx, (String, String, String, i64, String, String), sql).map_err(OpenError::from)?;
    tx.commit().await.map_err(OpenError::from)?;
    check_encoding(&encoding, &database)?;
    if version < POSTGRES_AT_LEAST {
        return Err(OpenError::Unfit(format!("PostgreSQL 13 or newer is needed; this is {}", version / 10_000)));
    }
    for (name, value) in
        [("fsync", fsync), ("full_page_writes", full_page_writes), ("synchronous_commit", synchronous_commit)]
    {
        if value == "off" {
            return Err(OpenError::Unfit(format!(
                "PostgreSQL runs with {name} = off, so what it commits may be lost: set it to on"
            )));
        }
    }
    Ok(db)
}

/// Checks that the timeouts hold, because a pooler may drop session settings. It uses separate statements, like later
/// callers.
async fn check_guards(db: &Db, access: Access) -> Result<(), OpenError> {
    let sql = "select current_setting('statement_timeout'), current_setting('lock_timeout'), \
         current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_read_only')";
    let mut tx = db.begin().await?;
    let of_writer = fetch_one!(&mut tx, (String, String, String, String), sql)?;
    drop(tx);
    let of_reader = fetch_one!(&mut db.read().await?, (String, String, String, String), sql)?;
    let expected = |read_only: &str| ("15s".to_owned(), "10s".to_owned(), "30s".to_owned(), read_only.to_owned());
    if of_writer == expected(if access == Access::Write { "off" } else { "on" }) && of_reader == expected("on") {
        return Ok(());
    }
    Err(OpenError::Unfit(
        "PostgreSQL does not keep the timeouts that this process sets, because something in front of it drops them: set \
         pool_mode = session in pgbouncer, or connect without it"
            .into(),
    ))
}

/// Refuses encodings other than UTF-8, because statements would fail on names in most scripts.
fn check_encoding(encoding: &str, database: &str) -> Result<(), OpenError> {
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(OpenError::Unfit(format!(
        "the encoding of the PostgreSQL database {database} is {encoding}, which cannot hold every name: make another one \
         with createdb --encoding=UTF8 --template=template0 NAME, and set DATABASE_URL to it"
    )))
}
