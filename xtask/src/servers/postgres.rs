//! A private PostgreSQL server with durable writes, as Roster requires. Dropping the guard stops it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, geteuid};

use super::place::{Place, free_port, random_hex, remove};
use super::{end_of, local};
use crate::process::{self, Guarded};

/// The superuser of the private server.
const ROLE: &str = "roster";
const PATIENCE: Duration = Duration::from_secs(60);
/// Settings for a test run with many databases, and settings that Roster requires.
const SETTINGS: [&str; 6] = [
    "max_connections=300",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "listen_addresses=127.0.0.1",
    // Only TCP: the path of a Unix socket is limited to 107 bytes, and the working copy may have a longer one.
    "unix_socket_directories=",
];

/// A running server with its data.
pub(crate) struct Postgres {
    url: String,
    process: Option<Guarded>,
    data: PathBuf,
    _elsewhere: Option<Place>,
}

/// The directory of an installed server's programs.
pub(crate) fn find() -> Option<PathBuf> {
    let complete = |directory: &PathBuf| {
        process::is_program(&directory.join("initdb")) && process::is_program(&directory.join("postgres"))
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).find(complete).or_else(|| newest_below("/usr/lib/postgresql", complete))
}

/// The newest of Debian's directories, of which there is one per major version.
fn newest_below(parent: &str, complete: impl Fn(&PathBuf) -> bool) -> Option<PathBuf> {
    let versions = fs::read_dir(parent).ok()?.flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin"))).filter(|(_, directory)| complete(directory))
    });
    versions.max().map(|(_, directory)| directory)
}

impl Postgres {
    /// Creates a database cluster in `place`, and starts a server on it.
    pub(crate) fn start(programs: &Path, place: &Place) -> Result<Postgres> {
        let account = Account::for_server()?;
        let (data, elsewhere) = data_directory(place, account.as_ref())?;
        let log = place.path().join("postgres.log");
        let mut postgres = Postgres { url: String::new(), process: None, data, _elsewhere: elsewhere };
        postgres.launch(programs, &log, account.as_ref()).with_context(|| {
            format!("PostgreSQL of {} did not start; its log is {}{}", programs.display(), log.display(), end_of(&log))
        })?;
        Ok(postgres)
    }

    /// The URL of its database `postgres`, for a role that may create other databases.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn launch(&mut self, programs: &Path, log: &Path, account: Option<&Account>) -> Result<()> {
        let password = random_hex(16)?;
        let as_account = |mut command: Command| -> Result<Command> {
            let log = File::options().create(true).append(true).open(log)?;
            command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            if let Some(account) = account {
                command.uid(account.user).gid(account.group);
            }
            Ok(command)
        };

        let password_file = self.data.with_extension("password");
        fs::write(&password_file, &password)?;
        if let Some(account) = account {
            chown(&password_file, Some(account.user), Some(account.group))?;
        }
        // The password is sent in plain text over the loopback interface. With SCRAM, a client built without
        // optimisation would need hundreds of milliseconds per connection, and tests open hundreds.
        let mut initdb = as_account(Command::new(programs.join("initdb")))?;
        initdb.args(["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=password", "--username", ROLE]);
        initdb.arg("--pgdata").arg(&self.data).arg("--pwfile").arg(&password_file);
        let made = process::must(&mut initdb);
        fs::remove_file(&password_file)?;
        made?;

        for _ in 0..3 {
            let port = free_port()?;
            let mut postgres = as_account(process::tied(&programs.join("postgres"), "QUIT"))?;
            postgres.arg("-D").arg(&self.data).args(["-p", &port.to_string()]);
            postgres.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
            // SIGINT is the fast shutdown, which disconnects the remaining clients.
            let mut server = Guarded::spawn(&mut postgres, Signal::INT)?;
            if wait_until_ready(&mut server, local(port), log)? {
                self.url = format!("postgres://{ROLE}:{password}@127.0.0.1:{port}/postgres");
                self.process = Some(server);
                return Ok(());
            }
        }
        bail!("three ports in a row were taken before it could listen")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.process = None;
        remove(&self.data);
    }
}

/// Waits until the server is ready. False if another process has taken the port.
fn wait_until_ready(server: &mut Guarded, address: SocketAddr, log: &Path) -> Result<bool> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = server.finished()? {
            if fs::read_to_string(log)?.contains("Address already in use") {
                return Ok(false);
            }
            bail!("it ended with {status}");
        }
        if answers(address) {
            return Ok(true);
        }
        process::pause(Duration::from_millis(50))?;
    }
    bail!("it does not answer after {PATIENCE:?}")
}

/// Whether a PostgreSQL server is ready for clients: it asks for a password, or accepts the connection.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        // The StartupMessage of protocol 3.0. A server that is still starting answers with an error, `E`.
        let parameters = format!("user\0{ROLE}\0database\0postgres\0\0");
        let length = u32::try_from(8 + parameters.len()).unwrap_or(u32::MAX);
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(&196_608_u32.to_be_bytes())?;
        stream.write_all(parameters.as_bytes())?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        Ok(kind[0])
    };
    matches!(ask(), Ok(b'R'))
}

/// The unprivileged account that runs the server if this process is root: PostgreSQL refuses to run as root.
struct Account {
    name: &'static str,
    user: u32,
    group: u32,
}

impl Account {
    /// `None` if this process is not root.
    fn for_server() -> Result<Option<Account>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        for name in ["postgres", "nobody"] {
            for account in accounts.lines() {
                if let [found, _, user, group, ..] = account.split(':').collect::<Vec<_>>()[..]
                    && found == name
                {
                    return Ok(Some(Account { name, user: user.parse()?, group: group.parse()? }));
                }
            }
        }
        bail!("PostgreSQL does not run as root, and there is neither an account `postgres` nor `nobody`")
    }

    fn can_write(&self, directory: &Path) -> bool {
        let mut test = Command::new("test");
        test.arg("-w").arg(directory).current_dir("/").uid(self.user).gid(self.group);
        process::run(&mut test).is_ok_and(|status| status.success())
    }
}

/// A directory that the server's account can reach: in `place`, or in a temporary directory if a parent of `place` is
/// closed to the account.
fn data_directory(place: &Place, account: Option<&Account>) -> Result<(PathBuf, Option<Place>)> {
    let make = |place: &Place| -> Result<Option<PathBuf>> {
        let directory = place.path().join("postgres");
        fs::create_dir(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
        let Some(account) = account else { return Ok(Some(directory)) };
        chown(&directory, Some(account.user), Some(account.group))?;
        Ok(account.can_write(&directory).then_some(directory))
    };
    if let Some(directory) = make(place)? {
        return Ok((directory, None));
    }
    let name = account.map_or("this", |account| account.name);
    for parent in [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()] {
        let elsewhere = Place::below(&parent)?;
        if let Some(directory) = make(&elsewhere)? {
            println!(
                "PostgreSQL's data is in {}: the account `{name}`, which runs it, cannot reach {}.",
                directory.display(),
                place.path().display()
            );
            return Ok((directory, Some(elsewhere)));
        }
    }
    bail!("the account `{name}` can neither reach {} nor a temporary directory", place.path().display())
}
