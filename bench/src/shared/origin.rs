//! Runs the stack of the origin: FastAPI and a consumer.

use super::database::{Database, ORIGIN, Sql};
use super::process::service;
use super::scratch::Scratch;
use super::setting::Setting;
use super::{free_address, rabbitmq, wait_until_ready};
use anyhow::Result;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use testkit::Process;

/// A running API and its consumer, with an empty database. Drop kills them.
pub(crate) struct Origin {
    pub(crate) at: SocketAddr,
    pub(crate) started_in: Duration,
    pub(crate) api: Process,
    pub(crate) consumer: Process,
    pub(crate) database: Database,
}

impl Origin {
    /// Starts the stack, unless this run leaves it out.
    pub(crate) fn start(setting: &Setting) -> Result<Option<Self>> {
        let Some(python) = &setting.python else { return Ok(None) };
        rabbitmq::delete_queues(&setting.amqp_url)?;
        let database = Database::postgres(setting, ORIGIN)?;
        let command = |module: &str| {
            let mut command = service(python);
            command.args(["-m", module]).current_dir(&setting.origin).env("PYTHONDONTWRITEBYTECODE", "1");
            command.env("DATABASE_URL", database.url().replacen("postgres://", "postgresql+asyncpg://", 1));
            command.env("AMQP_URL", &setting.amqp_url);
            command
        };
        super::process::output(&mut command("accounts.schema"))?;
        let consumer = Process::start_group(&mut command("accounts.consumer"))?;
        let at = free_address()?;
        let mut api = command("uvicorn");
        api.args(["accounts.api:app", "--host", "127.0.0.1", "--port", &at.port().to_string(), "--workers", "2"]);
        api.args(["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]);
        let api = Process::start_group(&mut api)?;
        let started_in = wait_until_ready(at, "/health")?;
        Ok(Some(Self { at, started_in, api, consumer, database }))
    }

    /// Adds users by SQL. They cannot sign in.
    pub(crate) fn add_users(&self, count: usize) -> Result<()> {
        let users = "insert into users (id, email, name, password_hash, registered_at) \
                     select md5(n::text)::uuid, 'user' || n || '@example.org', 'Ada Lovelace', '', now() \
                     from generate_series(1, $1) n";
        self.database.execute(Sql { postgres: users, sqlite: "" }, count)
    }

    /// The ids of at most 20,000 users, in a file for the load generator.
    pub(crate) fn write_ids(&self, scratch: &Scratch) -> Result<PathBuf> {
        let ids = Sql { postgres: "select id::text from users limit 20000", sqlite: "" };
        scratch.write("origin-ids", &self.database.texts(ids, 0)?.join("\n"))
    }

    /// The number of users who can sign in.
    pub(crate) fn count_users(&self) -> Result<usize> {
        let count = Sql { postgres: "select count(*)::text from users", sqlite: "" };
        Ok(self.database.texts(count, 0)?.concat().parse()?)
    }
}
