//! A plain server of the same two requests, as a good engineer writes it with axum and sqlx: one statement per request
//! on a pool. It runs on a database that Roster has migrated: `bench-reference DATABASE_URL ADDRESS`.
//!
//! `GET /users/{id}` reads a user. `POST /users` inserts a row into `ledger_messages` and answers 202.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::net::TcpListener;
use uuid::Uuid;

// Roster's allocator, so that it makes no difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Microseconds from 1970 to 2000, from which PostgreSQL counts.
const EPOCH: i64 = 946_684_800_000_000;
/// The length of a sealed password.
const SEALED: usize = 1600;

#[derive(Clone)]
enum Pools {
    Postgres(PgPool),
    /// SQLite has one writer.
    Sqlite {
        readers: SqlitePool,
        writer: SqlitePool,
    },
}

#[derive(Serialize)]
struct User {
    id: Uuid,
    name: Option<String>,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Registration {
    email: String,
    password: String,
    name: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("the URL of a database")?;
    let address = arguments.next().context("an address to listen on")?;
    let routes = Router::new()
        .route("/users/{id}", get(get_user))
        .route("/users", post(register))
        .route("/health", get(|| async {}))
        .with_state(connect(&url).await?);
    let listener = TcpListener::bind(address).await?;
    Ok(axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |connection| {
            // An error means that the client has gone.
            let _ = connection.set_nodelay(true);
        }),
        routes,
    )
    .await?)
}

async fn connect(url: &str) -> Result<Pools> {
    if url.starts_with("postgres") {
        // By default sqlx pings a connection whenever a request takes it.
        let pool = PgPoolOptions::new().max_connections(16).min_connections(16).test_before_acquire(false);
        return Ok(Pools::Postgres(pool.connect(url).await?));
    }
    let options: SqliteConnectOptions = url.parse()?;
    // Durable, as Roster is.
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let pool = |connections| SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
    Ok(Pools::Sqlite {
        readers: pool(4).connect_with(options.clone().read_only(true)).await?,
        writer: pool(1).connect_with(options).await?,
    })
}

async fn get_user(State(pools): State<Pools>, Path(id): Path<Uuid>) -> Response {
    match find(&pools, id).await {
        Ok(Some(user)) => json(StatusCode::OK, &user),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn find(pools: &Pools, id: Uuid) -> Result<Option<User>> {
    const FIND: &str = "select name, registered_at from users_users where id = $1";
    let found = match pools {
        Pools::Postgres(pool) => match sqlx::query(FIND).bind(id).fetch_optional(pool).await? {
            // The binary form of a time is its microseconds since 2000.
            Some(row) => Some((row.try_get(0)?, row.try_get_unchecked::<i64, _>(1)? + EPOCH)),
            None => None,
        },
        Pools::Sqlite { readers, .. } => sqlx::query_as(FIND).bind(id).fetch_optional(readers).await?,
    };
    let Some((name, microseconds)) = found else { return Ok(None) };
    Ok(Some(User { id, name, created_at: Timestamp::from_microsecond(microseconds)? }))
}

async fn register(State(pools): State<Pools>, body: Bytes) -> Response {
    let Ok(registration) = serde_json::from_slice::<Registration>(&body) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    #[expect(clippy::disallowed_methods, reason = "these ids are no capabilities")]
    let id = Uuid::now_v7();
    match insert(&pools, id, &registration).await {
        Ok(()) => json(StatusCode::ACCEPTED, &serde_json::json!({ "id": id, "status": "accepted" })),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn insert(pools: &Pools, id: Uuid, registration: &Registration) -> Result<()> {
    const INSERT: &str = "insert into ledger_messages (id, root, context, lane, name, subject, principal, payload) \
                          values ($1, $1, 'bench', 'fast', 'bench.insert.v1', $1, 'anonymous', $2)";
    let Registration { email, password, name } = registration;
    let sealed = format!("{password:0<SEALED$}");
    let payload = serde_json::json!({ "id": id, "email": email, "name": name, "password": sealed }).to_string();
    match pools {
        Pools::Postgres(pool) => sqlx::query(INSERT).bind(id).bind(payload).execute(pool).await.map(drop)?,
        Pools::Sqlite { writer, .. } => sqlx::query(INSERT).bind(id).bind(payload).execute(writer).await.map(drop)?,
    }
    Ok(())
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], serde_json::to_vec(body).unwrap_or_default()).into_response()
}
