//! Runs Roster as it is deployed: one process on SQLite, or an API and a worker on PostgreSQL and RabbitMQ.

use super::database::{Database, ROSTER, Sql};
use super::process::{output, service};
use super::scratch::Scratch;
use super::setting::Setting;
use super::{free_address, rabbitmq, wait_until_ready};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use testkit::{Client, Process};

pub(crate) const PASSWORD: &str = "a rather long pass phrase";

/// Where Roster stores its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Postgres,
    Sqlite,
}

/// Which processes to start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workers {
    /// SQLite always has them.
    Running,
    Stopped,
}

/// Running processes of Roster with an empty database. Drop kills them and removes their data.
pub(crate) struct Roster {
    pub(crate) at: SocketAddr,
    /// From the start of the process until it was ready.
    pub(crate) started_in: Duration,
    pub(crate) api: Process,
    pub(crate) worker: Option<Process>,
    // Fields are dropped in this order: the processes before their data.
    pub(crate) database: Database,
    keys: Scratch,
    binary: PathBuf,
    amqp_url: Option<String>,
}

impl Roster {
    pub(crate) fn start(setting: &Setting, store: Store, workers: Workers) -> Result<Self> {
        if store == Store::Sqlite {
            return Self::start_process(setting, Database::sqlite()?, None, "all");
        }
        rabbitmq::delete_queues(&setting.amqp_url)?;
        let (database, amqp_url) = (Database::postgres(setting, ROSTER)?, Some(setting.amqp_url.clone()));
        let mut roster = Self::start_process(setting, database, amqp_url, "api")?;
        if workers == Workers::Running {
            roster.start_worker()?;
        }
        Ok(roster)
    }

    /// Starts a single process, which also works, on an empty database.
    pub(crate) fn start_alone(setting: &Setting, database: Database) -> Result<Self> {
        Self::start_process(setting, database, None, "all")
    }

    fn start_process(setting: &Setting, database: Database, amqp_url: Option<String>, role: &str) -> Result<Self> {
        let binary = setting.binaries.join("roster").canonicalize().context("there is no binary of Roster")?;
        let keys = Scratch::new()?;
        let at = free_address()?;
        let command = |at| roster(&binary, &database, &keys, amqp_url.as_deref(), at);
        output(command(at).arg("migrate"))?;
        let api = Process::start_group(command(at).args(["serve", "--role", role]))?;
        let started_in = wait_until_ready(at, "/health/ready")?;
        Ok(Self { at, started_in, api, worker: None, database, keys, binary, amqp_url })
    }

    /// Starts the worker, which listens on no port, and waits until it has executed a first sign-up.
    fn start_worker(&mut self) -> Result<()> {
        let mut worker = roster(&self.binary, &self.database, &self.keys, self.amqp_url.as_deref(), self.at);
        self.worker = Some(Process::start_group(worker.args(["serve", "--role", "worker"]))?);
        self.sign_up("first@example.org")
    }

    /// A command of Roster's command line on the same data.
    pub(crate) fn command_line(&self) -> Command {
        roster(&self.binary, &self.database, &self.keys, self.amqp_url.as_deref(), self.at)
    }

    /// Registers a user, and waits until the user can sign in.
    pub(crate) fn sign_up(&self, email: &str) -> Result<()> {
        let person = json!({ "email": email, "password": PASSWORD, "name": "Ada Lovelace" });
        Client::new(self.at).post("/users", "wait=30", &person)?.with_status(201)?;
        Ok(())
    }

    /// Signs a user in, and returns an access token. It is valid for five minutes.
    pub(crate) fn token(&self, email: &str) -> Result<String> {
        let answer = Client::new(self.at).post("/auth/login", "wait=30", &credentials(email))?.with_status(200)?;
        Ok(answer.value()["access_token"].as_str().context("an answer with a token")?.to_owned())
    }

    /// Adds users with known ids, by SQL. They cannot sign in.
    pub(crate) fn add_users(&self, count: usize) -> Result<()> {
        self.database.execute(USERS, count)
    }

    /// The ids of at most 20,000 users, in a file for the load generator.
    pub(crate) fn write_ids(&self, scratch: &Scratch) -> Result<PathBuf> {
        let ids = Sql {
            postgres: "select id::text from users_users limit 20000",
            sqlite: "select lower(printf('%s-%s-%s-%s-%s', substr(hex(id), 1, 8), substr(hex(id), 9, 4), \
                     substr(hex(id), 13, 4), substr(hex(id), 17, 4), substr(hex(id), 21))) from users_users limit 20000",
        };
        scratch.write("ids", &self.database.texts(ids, 0)?.join("\n"))
    }
}

/// The body of a sign-in.
pub(crate) fn credentials(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD })
}

/// The number of users in a database for reads.
pub(crate) const USERS_TO_READ: usize = 100_000;

/// Inserts users 1 to `$1`. `pgbench` computes the same ids.
const USERS: Sql = Sql {
    postgres: "insert into users_users (id, email, email_canonical, name, version, registered_at) \
               select md5(n::text)::uuid, 'user' || n || '@example.org', 'user' || n || '@example.org', 'Ada Lovelace', 1, now() \
               from generate_series(1, $1) n",
    sqlite: "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < $1) \
             insert into users_users (id, email, email_canonical, name, version, registered_at) \
             select randomblob(16), 'user' || n || '@example.org', 'user' || n || '@example.org', 'Ada Lovelace', 1, \
             cast(unixepoch('subsec') * 1000000 as integer) from numbers",
};

fn roster(binary: &Path, database: &Database, keys: &Scratch, amqp_url: Option<&str>, at: SocketAddr) -> Command {
    let mut roster = service(binary);
    // In this directory there is no `roster.toml`.
    roster.current_dir(keys.path()).env("ROSTER_DATA_DIR", keys.path()).env("DATABASE_URL", database.url());
    roster.envs(amqp_url.map(|url| ("AMQP_URL", url))).env("ROSTER_LISTEN", at.to_string());
    // An hour of waiting commands would be reached within a run: the default of `ROSTER_MAX_DELAY` is not measured.
    roster.envs([("ROSTER_LIMITS", "off"), ("ROSTER_MAX_DELAY", "1000h"), ("RUST_LOG", "error")]);
    roster
}
