//! The Roster processes of the demo: one on SQLite, or an API and a worker on PostgreSQL and RabbitMQ.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use testkit::{Client, isolate};

use crate::process::{self, Guarded};
use crate::servers::{Place, Servers, end_of, free_port};

/// How long a server may take until it is ready. It tries a missing database for 30 seconds.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a server may take to drain and end.
const DRAINED: Duration = Duration::from_secs(30);

pub(crate) struct Settings<'a> {
    pub(crate) binary: &'a Path,
    pub(crate) cost: u32,
    pub(crate) servers: Option<&'a Servers>,
    /// Further settings.
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

/// Running processes of Roster.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    pub(crate) time_to_ready: Duration,
    log: PathBuf,
    processes: Vec<(&'static str, Guarded)>,
}

impl Server {
    /// Starts the processes, with data and log in `place`, and waits until they are ready.
    pub(crate) fn start(settings: &Settings<'_>, place: &Place) -> Result<Server> {
        let port = free_port()?;
        let log = place.path().join("roster.log");
        let mut server = Server {
            at: (Ipv4Addr::LOCALHOST, port).into(),
            time_to_ready: Duration::ZERO,
            log: log.clone(),
            processes: Vec::new(),
        };
        let started = server.launch(settings, place, port);
        started.with_context(|| format!("Roster did not start; its log is {}{}", log.display(), end_of(&log)))?;
        Ok(server)
    }

    fn launch(&mut self, settings: &Settings<'_>, place: &Place, port: u16) -> Result<()> {
        let roles = match settings.servers {
            None => vec![("all", port)],
            Some(_) => {
                process::must(roster(settings, place, &self.log, port)?.arg("migrate"))?;
                vec![("api", port), ("worker", free_port()?)]
            }
        };
        let began = Instant::now();
        for (role, port) in roles {
            let mut serve = roster(settings, place, &self.log, port)?;
            let server = Guarded::spawn(serve.args(["serve", "--role", role]), Signal::TERM)?;
            self.processes.push((role, server));
        }
        let mut client = Client::new(self.at);
        while !client.get("/health/ready").is_ok_and(|answer| answer.status == 200) {
            self.expect_alive()?;
            if PATIENCE < began.elapsed() {
                bail!("it is not ready after {PATIENCE:?}");
            }
            process::pause(Duration::from_millis(1))?;
        }
        self.time_to_ready = began.elapsed();
        Ok(())
    }

    /// Checks that all processes still run.
    ///
    /// # Errors
    /// When a process has ended.
    pub(crate) fn expect_alive(&mut self) -> Result<()> {
        for (role, server) in &mut self.processes {
            if let Some(status) = server.finished()? {
                bail!("`roster serve --role {role}` ended with {status}{}", end_of(&self.log));
            }
        }
        Ok(())
    }

    /// The resident memory of each process, from `/proc`.
    pub(crate) fn memory(&self) -> String {
        let memory = |id: Option<u32>| -> Option<f64> {
            let status = fs::read_to_string(format!("/proc/{}/status", id?)).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
        };
        let each = self.processes.iter().map(|(role, server)| match memory(server.id()) {
            Some(megabytes) => format!("{role} {megabytes:.1} MB"),
            None => format!("{role} unknown"),
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// Stops all processes with SIGTERM, and returns how long that took.
    pub(crate) fn stop(&mut self) -> Result<Duration> {
        let began = Instant::now();
        for (role, mut server) in self.processes.drain(..) {
            match server.stop(DRAINED) {
                Some(status) if status.success() => {}
                Some(status) => bail!("`roster serve --role {role}` ended with {status} at SIGTERM"),
                None => bail!("`roster serve --role {role}` did not end at SIGTERM"),
            }
        }
        Ok(began.elapsed())
    }
}

fn roster(settings: &Settings<'_>, place: &Place, log: &Path, port: u16) -> Result<Command> {
    let log = File::options().create(true).append(true).open(log)?;
    let mut roster = process::tied_service(settings.binary, "TERM");
    isolate(&mut roster);
    // In this directory there is no other roster.toml.
    roster.current_dir(place.path());
    roster.env("ROSTER_DATA_DIR", place.path().join("data"));
    roster.env("ROSTER_LISTEN", format!("127.0.0.1:{port}"));
    roster.env("ROSTER_LIMITS", "off").env("ROSTER_BCRYPT_COST", settings.cost.to_string());
    if let Some(servers) = settings.servers {
        roster.env("DATABASE_URL", &servers.database_url).env("AMQP_URL", &servers.amqp_url);
    }
    roster.envs(settings.environment.iter().copied());
    roster.stdout(log.try_clone()?).stderr(log);
    Ok(roster)
}
