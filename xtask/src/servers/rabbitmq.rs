//! A private RabbitMQ node with its own port mapper and home directory. Dropping the guard stops it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::place::{Place, free_port, random_hex, remove};
use super::{end_of, local};
use crate::process::{self, Guarded};

const PATIENCE: Duration = Duration::from_secs(120);
/// The real program of Debian. The `rabbitmq-server` in `PATH` is a wrapper that starts the machine's only server.
const DEBIAN: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A node that is starting or running.
pub(crate) struct RabbitMq {
    program: PathBuf,
    home: PathBuf,
    log: PathBuf,
    node: Node,
}

/// One attempt to start a node. Each attempt uses other ports.
struct Node {
    url: String,
    address: SocketAddr,
    process: Guarded,
    _port_mapper: Option<Guarded>,
}

/// The installed program `rabbitmq-server`.
pub(crate) fn find() -> Option<PathBuf> {
    if process::is_program(Path::new(DEBIAN)) {
        return Some(PathBuf::from(DEBIAN));
    }
    process::find_program("rabbitmq-server", &["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])
}

impl RabbitMq {
    /// Starts a node with its files in `place`. It takes seconds until it is [ready](Self::wait_until_ready).
    pub(crate) fn launch(program: &Path, place: &Place) -> Result<RabbitMq> {
        let home = place.path().join("rabbitmq");
        fs::create_dir(&home)?;
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700))?;
        let log = place.path().join("rabbitmq.log");
        let node = Node::launch(program, &home, &log)?;
        Ok(RabbitMq { program: program.to_owned(), home, log, node })
    }

    /// Waits until the node answers AMQP.
    pub(crate) fn wait_until_ready(&mut self) -> Result<()> {
        self.await_or_retry().with_context(|| {
            format!(
                "RabbitMQ, {}, did not start; its log is {}{}",
                self.program.display(),
                self.log.display(),
                end_of(&self.log)
            )
        })
    }

    /// The URL of its virtual host `/`, for a user with all permissions.
    pub(crate) fn url(&self) -> &str {
        &self.node.url
    }

    fn await_or_retry(&mut self) -> Result<()> {
        for attempt in 1.. {
            let end = Instant::now() + PATIENCE;
            let status = loop {
                if let Some(status) = self.node.process.finished()? {
                    break status;
                }
                if answers(self.node.address) {
                    return Ok(());
                }
                if end < Instant::now() {
                    bail!("it does not answer after {PATIENCE:?}");
                }
                process::pause(Duration::from_millis(50))?;
            };
            let log = fs::read_to_string(&self.log)?.to_lowercase();
            let port_was_taken = ["eaddrinuse", "address already in use", "address in use", "already running"]
                .iter()
                .any(|words| log.contains(words));
            if !port_was_taken || attempt == 3 {
                bail!("it ended with {status}");
            }
            self.node = Node::launch(&self.program, &self.home, &self.log)?;
        }
        Ok(())
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        // Kill it without a shutdown: its data is not needed.
        self.node.process.stop(Duration::ZERO);
        remove(&self.home);
    }
}

impl Node {
    fn launch(program: &Path, home: &Path, log: &Path) -> Result<Node> {
        let (port, distribution, mapper) = (free_port()?, free_port()?, free_port()?);
        let (name, password) = (format!("roster-{}@localhost", random_hex(6)?), random_hex(16)?);
        let file = |name: &str, text: String| -> Result<PathBuf> {
            let path = home.join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        let configuration = file(
            "rabbitmq.conf",
            format!(
                "listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = roster\ndefault_pass = {password}\n\
                 raft.wal_max_size_bytes = 67108864\n"
            ),
        )?;
        let plugins = file("enabled_plugins", "[].\n".to_owned())?;
        // Keep RabbitMQ from reading the machine's own files.
        let environment = file("rabbitmq-env.conf", String::new())?;
        let advanced = file("advanced.config", "[].\n".to_owned())?;

        let log = File::options().create(true).append(true).open(log)?;
        let port_mapper = match process::find_program("epmd", &[]) {
            Some(epmd) => {
                let mut epmd = process::tied(&epmd, "KILL");
                epmd.args(["-port", &mapper.to_string(), "-address", "127.0.0.1"]);
                epmd.current_dir(home).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
                Some(Guarded::spawn(&mut epmd, Signal::KILL)?)
            }
            // Without epmd in PATH, the node starts one itself.
            None => None,
        };
        let mut server = process::tied(program, "TERM");
        forget_settings(&mut server);
        server
            .envs([
                ("HOME", home),
                ("RABBITMQ_CONFIG_FILE", &configuration),
                ("RABBITMQ_ADVANCED_CONFIG_FILE", &advanced),
                ("RABBITMQ_CONF_ENV_FILE", &environment),
                ("RABBITMQ_ENABLED_PLUGINS_FILE", &plugins),
                ("RABBITMQ_MNESIA_BASE", &home.join("mnesia")),
                ("RABBITMQ_LOG_BASE", &home.join("log")),
                ("RABBITMQ_GENERATED_CONFIG_DIR", &home.join("config")),
            ])
            .env("RABBITMQ_NODENAME", name)
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .env("ERL_EPMD_PORT", mapper.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(Node {
            url: format!("amqp://roster:{password}@127.0.0.1:{port}/%2f"),
            address: local(port),
            process: Guarded::spawn(&mut server, Signal::TERM)?,
            _port_mapper: port_mapper,
        })
    }
}

/// Removes variables that the user has set for another node.
fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("RABBITMQ_") || name.starts_with("ERL_")) {
            command.env_remove(name);
        }
    }
}

/// Whether a broker answers AMQP 0-9-1: it answers the protocol header with a method frame.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"AMQP\x00\x00\x09\x01")?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        Ok(kind[0])
    };
    matches!(ask(), Ok(1))
}
