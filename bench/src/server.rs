//! Runs the server that is measured, and sends requests to it.

use crate::COST;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Sends a request and reads the complete answer.
pub(crate) fn post(connection: &mut TcpStream, path: &str, prefer: &str, body: &str, expected: u16) -> Result<()> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nprefer: {prefer}\r\ncontent-type: application/json");
    connection.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = connection.read(&mut buffer)?;
        answer.extend(buffer.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&answer);
        let complete = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            length.is_none_or(|length: usize| body.len() >= length)
        });
        if complete && text.starts_with(&format!("HTTP/1.1 {expected} ")) {
            return Ok(());
        }
        if complete || read == 0 {
            return Err(format!("POST {path} was answered {text}").into());
        }
    }
}

/// The processes of a server. Drop kills them and removes their data.
pub(crate) struct Server {
    processes: Vec<Child>,
    port: u16,
    data: PathBuf,
}

impl Server {
    /// Starts one process on SQLite, or an API and a worker if `DATABASE_URL` is set.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let data = std::env::temp_dir().join(format!("roster-bench-{}", std::process::id()));
        fs::create_dir(&data)?;
        let roles: &[_] = if std::env::var_os("DATABASE_URL").is_some() { &["worker", "api"] } else { &["all"] };
        let mut server = Self { processes: Vec::new(), port: 0, data };
        for role in roles {
            // The last process is the one that answers requests.
            server.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            let process = server.roster(binary, role)?.spawn()?;
            server.processes.push(process);
        }
        server.wait_until_it_listens()?;
        Ok(server)
    }

    fn roster(&self, binary: &Path, role: &str) -> Result<Command> {
        #[expect(clippy::disallowed_methods, reason = "what is measured is the process")]
        let mut roster = Command::new("setsid");
        // Use a session of its own, as service managers do: Linux divides the processors between sessions.
        roster.arg(binary.canonicalize()?).args(["serve", "--role", role]).current_dir(&self.data).env_clear();
        roster.stdin(Stdio::null()).stdout(Stdio::null());
        let given = ["DATABASE_URL", "AMQP_URL"].map(|name| Some((name, std::env::var_os(name)?)));
        roster.envs(given.into_iter().flatten()).env("ROSTER_DATA_DIR", &self.data);
        roster.envs([("ROSTER_LISTEN", format!("127.0.0.1:{}", self.port)), ("ROSTER_LIMITS", "off".into())]);
        roster.env("ROSTER_BCRYPT_COST", COST.to_string());
        roster.envs([("ROSTER_METRICS_LISTEN", "off"), ("RUST_LOG", "warn")]);
        Ok(roster)
    }

    fn wait_until_it_listens(&self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        while self.connect().is_err() {
            if Instant::now() > end {
                return Err("the server does not listen".into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        connection.set_nodelay(true)?;
        Ok(connection)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that the process or the directory is gone already.
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.data);
    }
}
