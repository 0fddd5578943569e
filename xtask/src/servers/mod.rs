//! PostgreSQL and RabbitMQ for tests and the demo: finds running servers, or starts private ones that end with their
//! guards.

mod compose;
pub(crate) mod packages;
mod place;
mod postgres;
mod rabbitmq;

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use self::compose::{Compose, Engine};
pub(crate) use self::place::{Place, free_port, random_hex};
use self::postgres::Postgres;
use self::rabbitmq::RabbitMq;
use crate::{process, workspace};

const DATABASE_URL: &str = "TEST_DATABASE_URL";
const AMQP_URL: &str = "TEST_AMQP_URL";
const POSTGRES_BIN: &str = "TEST_POSTGRES_BIN";
const RABBITMQ_SERVER: &str = "TEST_RABBITMQ_SERVER";
const PGBOUNCER: &str = "TEST_PGBOUNCER";

/// Which servers may be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The servers that the environment names, or else private ones.
    Anyones,
    /// Only new, private ones.
    Ours,
}

/// Both servers, ready for clients.
pub(crate) struct Servers {
    /// The URL for a PostgreSQL role that may create databases.
    pub(crate) database_url: String,
    pub(crate) amqp_url: String,
    programs: Programs,
    // Fields are dropped in this order: the servers in the place before the place.
    _guards: Guards,
    place: Place,
}

#[derive(Default)]
struct Guards {
    _rabbitmq: Option<RabbitMq>,
    _postgres: Option<Postgres>,
    _compose: Option<Compose>,
}

/// The installed programs, for tests that start, kill and restart servers of their own.
#[derive(Default)]
struct Programs {
    postgres: Option<PathBuf>,
    rabbitmq: Option<PathBuf>,
    pgbouncer: Option<PathBuf>,
}

impl Programs {
    fn find() -> Programs {
        let named = |variable: &str| env::var_os(variable).map(PathBuf::from);
        Programs {
            postgres: named(POSTGRES_BIN).or_else(postgres::find),
            rabbitmq: named(RABBITMQ_SERVER).or_else(rabbitmq::find),
            pgbouncer: named(PGBOUNCER)
                .or_else(|| process::find_program("pgbouncer", &["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"])),
        }
    }

    fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.postgres.is_none() {
            missing.push("postgresql");
        }
        if self.rabbitmq.is_none() {
            missing.push("rabbitmq-server");
        }
        if self.pgbouncer.is_none() {
            missing.push("pgbouncer");
        }
        missing
    }
}

impl Servers {
    /// Finds or starts both servers: by the environment, with Docker Compose, from installed programs, or by installing
    /// Debian's packages.
    pub(crate) fn start(whose: Whose) -> Result<Servers> {
        let named = |variable: &str| env::var(variable).ok().filter(|url| !url.is_empty() && whose == Whose::Anyones);
        let (database, broker) = (named(DATABASE_URL), named(AMQP_URL));
        let mut place = Place::below(&workspace::target()?.join("servers"))?;
        let started = Self::start_missing(database, broker, &place);
        let (database_url, amqp_url, programs, guards) = started.inspect_err(|_| place.keep())?;
        Ok(Servers { database_url, amqp_url, programs, _guards: guards, place })
    }

    fn start_missing(
        database: Option<String>,
        broker: Option<String>,
        place: &Place,
    ) -> Result<(String, String, Programs, Guards)> {
        let mut guards = Guards::default();
        let (database_missing, broker_missing) = (database.is_none(), broker.is_none());
        let mut database_url = database.unwrap_or_default();
        let mut amqp_url = broker.unwrap_or_default();
        if !database_missing {
            expect_listener(DATABASE_URL, &database_url, 5432)?;
        }
        if !broker_missing {
            expect_listener(AMQP_URL, &amqp_url, 5672)?;
        }

        let engine = if database_missing || broker_missing { Engine::find() } else { None };
        let mut programs = Programs::find();
        if !programs.missing().is_empty() && packages::can_install() {
            packages::install(&programs.missing(), place)?;
            programs = Programs::find();
        }

        if let Some(engine) = engine {
            let compose = Compose::up(engine, database_missing, broker_missing, place)?;
            if database_missing {
                database_url = compose.database_url();
            }
            if broker_missing {
                amqp_url = compose.amqp_url();
            }
            guards._compose = Some(compose);
        } else {
            // The broker takes longest, so PostgreSQL starts in the meantime.
            let mut rabbitmq = match (&programs.rabbitmq, broker_missing) {
                (Some(program), true) => Some(RabbitMq::launch(program, place)?),
                (None, true) => bail!(advice("RabbitMQ", "rabbitmq-server", "rabbitmq", AMQP_URL)),
                (_, false) => None,
            };
            if database_missing {
                let programs = programs.postgres.as_deref();
                let programs = programs.context(advice("PostgreSQL", "postgresql", "postgresql@17", DATABASE_URL))?;
                let postgres = Postgres::start(programs, place)?;
                database_url = postgres.url().to_owned();
                guards._postgres = Some(postgres);
            }
            if let Some(rabbitmq) = &mut rabbitmq {
                rabbitmq.wait_until_ready()?;
                amqp_url = rabbitmq.url().to_owned();
            }
            guards._rabbitmq = rabbitmq;
        }
        Ok((database_url, amqp_url, programs, guards))
    }

    /// The environment variables through which tests find the servers, and the programs for starting others.
    pub(crate) fn variables(&self) -> Vec<(&'static str, &Path)> {
        let mut variables = vec![(DATABASE_URL, Path::new(&self.database_url)), (AMQP_URL, Path::new(&self.amqp_url))];
        variables.extend(self.programs.postgres.as_deref().map(|programs| (POSTGRES_BIN, programs)));
        variables.extend(self.programs.rabbitmq.as_deref().map(|program| (RABBITMQ_SERVER, program)));
        variables.extend(self.programs.pgbouncer.as_deref().map(|program| (PGBOUNCER, program)));
        variables
    }

    /// A warning about tests that will fail because a program is missing.
    pub(crate) fn warning(&self) -> Option<String> {
        let missing = self.programs.missing();
        (!missing.is_empty()).then(|| {
            format!(
                "Not installed: {}. Tests that kill and restart their own servers need it, and will fail.",
                missing.join(", ")
            )
        })
    }

    /// Keeps the servers' logs, and returns their directory.
    pub(crate) fn keep_logs(&mut self) -> &Path {
        self.place.keep();
        self.place.path()
    }
}

/// All variables that [`Servers::variables`] may set, to remove them for a run without servers.
pub(crate) const VARIABLES: [&str; 5] = [DATABASE_URL, AMQP_URL, POSTGRES_BIN, RABBITMQ_SERVER, PGBOUNCER];

fn advice(server: &str, debian: &str, homebrew: &str, variable: &str) -> String {
    format!(
        "{server} was not found. Install it (Debian, Ubuntu: `apt install {debian}`; macOS: `brew install \
         {homebrew}`), or start Docker, or set {variable}. Without it: `cargo xtask test --embedded`."
    )
}

/// Checks that a server that the environment names answers. Otherwise hundreds of tests would fail.
fn expect_listener(variable: &str, url: &str, default_port: u16) -> Result<()> {
    let (host, port) = host_and_port(url, default_port).with_context(|| format!("{variable} is not a URL"))?;
    let mut last = None;
    for address in
        (host, port).to_socket_addrs().with_context(|| format!("{variable}: the host {host} does not exist"))?
    {
        match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    let reason = last.map_or_else(|| "the host has no address".to_owned(), |error| error.to_string());
    bail!("{variable} names {host}:{port}, but no server answers there: {reason}")
}

fn host_and_port(url: &str, default_port: u16) -> Option<(&str, u16)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (host_and_port, default_port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some((host, port))
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The last lines of a log, to append to an error.
pub(crate) fn end_of(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(15)..];
    last.iter().map(|line| format!("\n    {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_and_port_of_a_url_are_found_wherever_they_stand() {
        for (url, expected) in [
            ("postgres://u:p@db.example:6000/x", Some(("db.example", 6000))),
            ("postgres://u:p%40@db.example/x?sslmode=require", Some(("db.example", 5432))),
            ("amqp://[::1]:5673/%2f", Some(("::1", 5673))),
            ("amqp://[::1]/%2f", Some(("::1", 5432))),
            ("localhost", None),
            ("postgres://u:p@/x", None),
            ("postgres://host:port/x", None),
        ] {
            assert_eq!(host_and_port(url, 5432), expected, "{url}");
        }
    }
}
