//! Runs the real binary as a process: starts it with the given settings only, kills it, stops it, starts it again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

pub mod canary;
pub mod checker;
pub mod load;
pub mod own_postgres;
pub mod relay;
pub mod stored;

use crate::{Answer, Request};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::{Process, isolate};

/// How long a process may take to start, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(45);
/// The pause between two checks while waiting.
const TICK: Duration = Duration::from_millis(10);
/// How long a line may take to reach the log, on a machine that is busy with other tests.
const TIME_TO_LOG: Duration = Duration::from_secs(60);
/// The folder of what processes print, below the one that they run in.
const OUTPUTS: &str = ".outputs";

/// Repeats a check until it returns something.
///
/// # Panics
/// After `patience`.
pub async fn until<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < give_up, "after {patience:?} there is still no {what}");
        tokio::time::sleep(TICK).await;
    }
}

/// The binary that `cargo xtask test` has built, or else the one beside this test.
///
/// # Panics
/// When there is no binary.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("ROSTER_BIN") {
        return named.into();
    }
    let test = std::env::current_exe().unwrap();
    let beside = test.ancestors().nth(2).unwrap().join("roster");
    assert!(beside.is_file(), "there is no {}: run `cargo xtask test`, which builds it", beside.display());
    beside
}

/// A new database on PostgreSQL; `None` if tests run without servers.
pub async fn postgres() -> Option<String> {
    persistence::testing::postgres_url().await
}

/// The URL of a RabbitMQ that tests share; `None` if tests run without servers.
///
/// # Panics
/// When the environment variable is not set.
#[must_use]
pub fn rabbitmq() -> Option<String> {
    server("TEST_AMQP_URL")
}

/// The program for starting a RabbitMQ of a test's own; `None` if tests run without servers.
///
/// # Panics
/// When the environment variable is not set.
#[must_use]
pub fn rabbitmq_program() -> Option<String> {
    server("TEST_RABBITMQ_SERVER")
}

/// The program pgbouncer; `None` if tests run without servers.
///
/// # Panics
/// When the environment variable is not set.
#[must_use]
pub fn pgbouncer_program() -> Option<PathBuf> {
    server("TEST_PGBOUNCER").map(PathBuf::from)
}

fn server(variable: &str) -> Option<String> {
    let named = std::env::var(variable).ok();
    assert!(
        named.is_some() || std::env::var_os("TEST_EMBEDDED").is_some(),
        "{variable} is not set: run `cargo xtask test`, which starts or finds the servers"
    );
    named
}

/// A free port outside of the range that the kernel uses for outgoing connections, so that a killed server finds it
/// free again.
///
/// # Panics
/// When no port is free.
#[must_use]
pub fn free_port() -> u16 {
    let random = || u16::try_from(20_000 + uuid().as_u128() % 12_000).unwrap();
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(random).take(200).find(free).unwrap()
}

/// A random id of version 7.
#[must_use]
pub fn uuid() -> uuid::Uuid {
    uuid::Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext))
}

/// An empty folder that processes run in. Drop deletes it, unless the test fails.
pub struct Folder(TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// A new folder.
    ///
    /// # Panics
    /// When the disk is full.
    #[must_use]
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("roster-acceptance-").tempdir().unwrap())
    }

    /// The path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A command to run in this folder.
    #[must_use]
    pub fn roster(&self, arguments: &[&str]) -> Roster {
        let settings = BTreeMap::from([("ROSTER_LISTEN".into(), "127.0.0.1:0".into())]);
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        Roster { folder: self.path().to_owned(), arguments, settings, under: Vec::new(), reads: None }
    }

    /// Everything that the processes have printed so far.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn printed(&self) -> String {
        let mut all = String::new();
        for output in fs::read_dir(self.path().join(OUTPUTS)).into_iter().flatten() {
            all.push_str(&read(&output.unwrap().path()));
        }
        all
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.0.disable_cleanup(std::thread::panicking());
    }
}

/// How to run the binary. Its environment has only `PATH` and the settings.
#[derive(Clone)]
pub struct Roster {
    folder: PathBuf,
    arguments: Vec<String>,
    settings: BTreeMap<String, OsString>,
    under: Vec<String>,
    reads: Option<PathBuf>,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// How long it took, from the start or from SIGTERM.
    pub took: Duration,
    pub stdout: String,
    /// The errors and the log.
    pub stderr: String,
}

impl Roster {
    /// Sets an environment variable.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.settings.insert(name.to_owned(), value.as_ref().to_owned());
        self
    }

    /// Listens on a port of its own, the same after every start.
    #[must_use]
    pub fn on_a_fixed_port(self) -> Self {
        self.set("ROSTER_LISTEN", format!("127.0.0.1:{}", free_port()))
    }

    /// Hashes passwords at the lowest cost, without rate limits.
    #[must_use]
    pub fn hashing_fast(self) -> Self {
        self.set("ROSTER_BCRYPT_COST", "10").set("ROSTER_LIMITS", "off")
    }

    /// Starts it by another program that replaces itself with it: `sh -c '…; exec "$@"' sh`.
    #[must_use]
    pub fn under(mut self, program: &[&str]) -> Self {
        self.under = program.iter().map(|it| (*it).to_owned()).collect();
        self
    }

    /// Gives it this text on the standard input.
    ///
    /// # Panics
    /// When the disk is full.
    #[must_use]
    pub fn reading(mut self, text: &str) -> Self {
        let file = self.folder.join(format!(".input-{}", uuid().simple()));
        fs::write(&file, text).unwrap();
        self.reads = Some(file);
        self
    }

    /// Starts the process.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self) -> Server {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let outputs = self.folder.join(OUTPUTS);
        fs::create_dir_all(&outputs).unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let stdout = outputs.join(format!("{number}.stdout"));
        let stderr = outputs.join(format!("{number}.stderr"));
        let mut words = self.under.iter().map(OsString::from).chain([binary().into_os_string()]);
        #[expect(clippy::disallowed_methods, reason = "these tests are about the process")]
        let mut command = Command::new(words.next().unwrap());
        isolate(command.args(words)).current_dir(&self.folder).args(&self.arguments).envs(&self.settings);
        if let Some(file) = &self.reads {
            command.stdin(File::open(file).unwrap());
        }
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        let (process, started) = (Process::start(&mut command).unwrap(), Instant::now());
        Server { how: self.clone(), process, started, stdout, stderr, at: None }
    }

    /// Starts the process and waits until it serves.
    ///
    /// # Panics
    /// When it ends before, or takes too long.
    pub async fn serve(&self) -> Server {
        let mut server = self.start();
        server.serves().await;
        server
    }

    /// Runs the process to its end.
    ///
    /// # Panics
    /// When it runs longer than `patience`.
    pub async fn run(&self, patience: Duration) -> Ended {
        self.start().end(patience).await
    }
}

/// A running process. Drop kills it.
pub struct Server {
    how: Roster,
    process: Process,
    started: Instant,
    stdout: PathBuf,
    stderr: PathBuf,
    at: Option<SocketAddr>,
}

impl Server {
    /// Waits for its greeting.
    ///
    /// # Panics
    /// When it ends before, or takes too long.
    pub async fn serves(&mut self) {
        until(START, "server", async || {
            let greeting = self.stdout();
            // The greeting is written at once. This line is one of its last.
            if greeting.contains("  hints    ") && greeting.ends_with('\n') {
                return Some(());
            }
            let ended = self.process.status().unwrap();
            assert!(ended.is_none(), "it ended with {ended:?}: {greeting}{}", self.stderr());
            None
        })
        .await;
        let greeting = self.stdout();
        let at = greeting.lines().find_map(|line| line.strip_prefix("Roster listens on http://"));
        self.at = at.map(|at| at.parse().unwrap());
    }

    /// The address on which it listens.
    ///
    /// # Panics
    /// When it is a worker.
    #[must_use]
    pub fn at(&self) -> SocketAddr {
        self.at.unwrap()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its exit code if it has ended; the inner `None` means that a signal ended it.
    ///
    /// # Panics
    /// When the system cannot report its state.
    pub fn exit_code_if_ended(&mut self) -> Option<Option<i32>> {
        self.process.status().unwrap().map(|status| status.code())
    }

    /// The standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// The standard error so far, with the log.
    #[must_use]
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Waits until the log has this text. A process writes its log in the background, so a line may come after the
    /// answer or the greeting that it belongs to.
    ///
    /// # Panics
    /// When the text does not come.
    pub async fn logs(&self, text: &str) {
        until(TIME_TO_LOG, text, async || self.stderr().contains(text).then_some(())).await;
    }

    /// Sends a `GET` request.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", None).await
    }

    /// Sends a request, with a bearer token unless `token` is empty.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn ask(&self, method: &'static str, path: &str, token: &str, body: Option<&Value>) -> Answer {
        let mut request = Request::new(method, path);
        if let Some(body) = body {
            request = request.body("application/json", body.to_string());
        }
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.send(self.at()).await
    }

    /// Sends `POST /auth/login`.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "email": email, "password": password });
        self.ask("POST", "/auth/login", "", Some(&body)).await
    }

    /// Sends `POST /users`.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn sign_up(&self, headers: &[(&str, &str)], body: &Value) -> Answer {
        let request = Request::post("/users", body);
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send(self.at()).await
    }

    /// Waits until a command has ended, and returns it.
    ///
    /// # Panics
    /// When it takes too long.
    pub async fn outcome(&self, command: &str) -> Value {
        until(Duration::from_secs(90), "outcome", async || {
            let answer = self.get(&format!("/commands/{command}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let command = answer.json();
            (!matches!(command["status"].as_str(), Some("accepted" | "running"))).then_some(command)
        })
        .await
    }

    /// Kills it with SIGKILL, as the kernel does when memory is short.
    ///
    /// # Panics
    /// When it had ended by itself.
    pub fn kill_9(&mut self) {
        assert_eq!(self.process.status().unwrap(), None, "it ended by itself: {}", self.stderr());
        self.process.kill().unwrap();
    }

    /// Kills it, starts it again in the same way, and waits until it serves.
    pub async fn kill_9_and_restart(&mut self) {
        self.kill_9();
        self.start_again().await;
    }

    /// Starts it again in the same way after its end, and waits until it serves.
    pub async fn start_again(&mut self) {
        *self = self.how.serve().await;
    }

    /// Sends SIGTERM.
    pub fn ask_to_end(&mut self) {
        self.started = Instant::now();
        self.process.signal(Signal::TERM);
    }

    /// Sends SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// When it takes longer than 35 seconds.
    pub async fn terminate(mut self) -> Ended {
        self.ask_to_end();
        self.end(Duration::from_secs(35)).await
    }

    /// Whether it has ended by itself.
    ///
    /// # Panics
    /// When the system cannot report its state.
    pub fn has_ended(&mut self) -> bool {
        self.process.status().unwrap().is_some()
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it takes longer than `patience`.
    pub async fn end(mut self, patience: Duration) -> Ended {
        let status = until(patience, "end of the process", async || self.process.status().unwrap()).await;
        Ended { code: status.code(), took: self.started.elapsed(), stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (out, err) = (self.stdout(), self.stderr());
            let end = err.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
            // The test has failed: print what the process printed.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("--- roster {:?}\n{out}{end}\n", self.how.arguments).as_bytes(),
            );
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}
