//! Runs the server that is measured.

use crate::COST;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use testkit::Client;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The processes of a server. Drop kills them and removes their data.
pub(crate) struct Server {
    processes: Vec<Child>,
    pub(crate) at: SocketAddr,
    data: PathBuf,
}

impl Server {
    /// Starts one process on SQLite, or an API and a worker if `DATABASE_URL` is set.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let data = std::env::temp_dir().join(format!("roster-bench-{}", std::process::id()));
        fs::create_dir(&data)?;
        let roles: &[_] = if std::env::var_os("DATABASE_URL").is_some() { &["worker", "api"] } else { &["all"] };
        let mut server = Self { processes: Vec::new(), at: (Ipv4Addr::LOCALHOST, 0).into(), data };
        for role in roles {
            // The last process is the one that answers requests.
            server.at = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
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
        roster.envs([("ROSTER_LISTEN", self.at.to_string()), ("ROSTER_LIMITS", "off".into())]);
        roster.env("ROSTER_BCRYPT_COST", COST.to_string());
        roster.envs([("ROSTER_METRICS_LISTEN", "off"), ("RUST_LOG", "warn")]);
        Ok(roster)
    }

    fn wait_until_it_listens(&self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        while Client::new(self.at).get("/health/live").is_err() {
            if Instant::now() > end {
                return Err("the server does not listen".into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
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
