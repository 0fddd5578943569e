//! Runs the two services of compose.yaml under a project name of their own.

use std::ffi::OsString;
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::place::{Place, free_port, random_hex};
use super::{end_of, local, postgres, rabbitmq};
use crate::{process, workspace};

/// How long the services may take to start once their images are fetched. Fetching has no limit.
const PATIENCE: Duration = Duration::from_secs(180);

/// A working Docker Compose command.
pub(crate) struct Engine(Vec<&'static str>);

impl Engine {
    pub(crate) fn find() -> Option<Engine> {
        let answers = |command: &[&str], argument: &str| {
            let mut ask = Command::new(command[0]);
            ask.args(&command[1..]).arg(argument).stderr(Stdio::null());
            process::output(&mut ask, Duration::from_secs(15)).is_ok()
        };
        if !answers(&["docker"], "info") {
            return None;
        }
        [vec!["docker", "compose"], vec!["docker-compose"]]
            .into_iter()
            .find(|command| answers(command, "version"))
            .map(Engine)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.0[0]);
        command.args(&self.0[1..]).current_dir(workspace::root());
        command
    }
}

/// Running services. Drop removes them with their data.
pub(crate) struct Compose {
    engine: Engine,
    project: String,
    postgres_port: u16,
    rabbitmq_port: u16,
    log: File,
}

impl Compose {
    pub(crate) fn up(engine: Engine, with_postgres: bool, with_rabbitmq: bool, place: &Place) -> Result<Compose> {
        println!("Starting PostgreSQL and RabbitMQ with Docker Compose (the first run fetches their images).");
        let log_path = place.path().join("compose.log");
        let compose = Compose {
            engine,
            project: format!("roster-test-{}", random_hex(6)?),
            postgres_port: free_port()?,
            rabbitmq_port: free_port()?,
            log: File::create(&log_path)?,
        };
        compose.start(with_postgres, with_rabbitmq).with_context(|| {
            format!("Docker Compose did not start the services; its log is {}{}", log_path.display(), end_of(&log_path))
        })?;
        Ok(compose)
    }

    pub(crate) fn database_url(&self) -> String {
        format!("postgres://roster:roster@127.0.0.1:{}/roster", self.postgres_port)
    }

    pub(crate) fn amqp_url(&self) -> String {
        format!("amqp://roster:roster@127.0.0.1:{}/%2f", self.rabbitmq_port)
    }

    fn start(&self, with_postgres: bool, with_rabbitmq: bool) -> Result<()> {
        let mut up = self.command()?;
        up.args(["up", "--detach"]);
        up.args(with_postgres.then_some("postgres")).args(with_rabbitmq.then_some("rabbitmq"));
        process::must(&mut up)?;
        let end = Instant::now() + PATIENCE;
        let ready = || {
            (!with_postgres || postgres::answers(local(self.postgres_port)))
                && (!with_rabbitmq || rabbitmq::answers(local(self.rabbitmq_port)))
        };
        while !ready() {
            if end < Instant::now() {
                bail!("the services do not answer after {PATIENCE:?}");
            }
            process::pause(Duration::from_millis(200))?;
        }
        Ok(())
    }

    fn command(&self) -> Result<Command> {
        let mut command = self.engine.command();
        command.args(["--project-name", &self.project, "--file", "compose.yaml"]);
        let ports = [("POSTGRES_PORT", self.postgres_port), ("RABBITMQ_PORT", self.rabbitmq_port)];
        command.envs(ports.map(|(name, port)| (name, OsString::from(port.to_string()))));
        command.stdin(Stdio::null()).stdout(self.log.try_clone()?).stderr(self.log.try_clone()?);
        Ok(command)
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        // Not through `process`: this has to run after a signal too.
        let stopped =
            self.command().and_then(|mut down| Ok(down.args(["down", "--volumes", "--timeout", "5"]).status()?));
        if !stopped.is_ok_and(|status| status.success()) {
            println!("Docker Compose did not remove the project {}: please do.", self.project);
        }
    }
}
