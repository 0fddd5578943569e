//! A server continues if its standard output and error are closed, full or never read.

use acceptance::Request;
use acceptance::process::{Folder, binary, free_port, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use testkit::{Process, isolate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const LOST: &str = "log lines were lost";

struct Server {
    process: Process,
    at: SocketAddr,
}

impl Server {
    fn start(folder: &Path, stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Self {
        let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = roster(folder);
        command.env("ROSTER_LISTEN", at.to_string()).stdout(stdout).stderr(stderr);
        Self { process: Process::start(&mut command).unwrap(), at }
    }

    /// Waits until it answers.
    async fn serves(&mut self) {
        until(PATIENCE, "answer", async || {
            assert_eq!(self.process.status().unwrap(), None, "it ended by itself");
            Request::get("/health/ready").try_send(self.at).await.ok().filter(|answer| answer.status == 200)
        })
        .await;
    }

    /// Sends this many requests on one connection. Each one is logged.
    async fn answers(&mut self, requests: usize) {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        for n in 0..requests {
            stream.write_all(b"GET /no/such/path HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"}") {
                let mut piece = [0; 4_096];
                let read = timeout(PATIENCE, stream.read(&mut piece)).await;
                let read = read.unwrap_or_else(|_| panic!("request {n} is not answered")).unwrap();
                assert_ne!(read, 0, "request {n} is cut: {:?}", self.process.status());
                answer.extend_from_slice(&piece[..read]);
            }
            assert!(answer.starts_with(b"HTTP/1.1 404"));
        }
    }

    /// Sends SIGTERM, waits for the end, and returns the exit code.
    async fn ends(&mut self) -> Option<i32> {
        self.process.signal(Signal::TERM);
        until(Duration::from_secs(35), "end", async || self.process.status().unwrap()).await.code()
    }
}

#[expect(clippy::disallowed_methods, reason = "these tests are about the process")]
fn roster(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    isolate(command.current_dir(folder)).env("ROSTER_LIMITS", "off");
    command
}

/// An output on which every write fails with "no space left".
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// An output on which every write fails with "broken pipe".
fn broken() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

#[tokio::test]
async fn outputs_that_cannot_be_written_do_not_stop_the_server() {
    for made in [full, broken, Stdio::null] {
        let folder = Folder::new();
        let mut process = Server::start(folder.path(), made(), made());
        process.serves().await;
        process.answers(300).await;
        assert_eq!(process.ends().await, Some(0));
    }
    // Closed, not redirected.
    let folder = Folder::new();
    let closed = folder.roster(&[]).on_a_fixed_port().under(&["sh", "-c", "exec \"$@\" 2>&-", "sh"]);
    let server = closed.serve().await;
    assert_eq!(server.get("/no/such/path").await.status, 404);
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test]
async fn a_pipe_that_is_never_read_does_not_stop_the_server() {
    let folder = Folder::new();
    let (_unread, pipe) = std::io::pipe().unwrap();
    let mut process = Server::start(folder.path(), pipe.try_clone().unwrap(), pipe);
    process.serves().await;
    process.answers(10_000).await;
    let begun = Instant::now();
    assert_eq!(process.ends().await, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_number_of_lost_lines_is_logged_when_a_pipe_is_read_again() {
    let folder = Folder::new();
    let (reader, pipe) = std::io::pipe().unwrap();
    let mut process = Server::start(folder.path(), Stdio::null(), pipe);
    process.serves().await;
    process.answers(10_000).await;
    let (noted, note) = oneshot::channel();
    let reading = thread::spawn(move || {
        let (mut lines, mut noted) = (Vec::<Value>::new(), Some(noted));
        for line in BufReader::new(reader).lines() {
            lines.push(serde_json::from_str(&line.unwrap()).unwrap());
            if lines.last().is_some_and(|line| line["message"] == LOST) {
                noted.take().map(|noted| noted.send(()));
            }
        }
        lines
    });
    // The note comes after the queued lines: there is room for the next ones.
    timeout(PATIENCE, note).await.expect("no line was lost: this shows nothing").unwrap();
    process.answers(1).await;
    assert_eq!(process.ends().await, Some(0));
    let lines = reading.join().unwrap();
    let notes = lines.iter().filter(|line| line["message"] == LOST);
    let lost: u64 = notes.map(|line| line["lines"].as_u64().unwrap()).sum();
    let logged = lines.iter().filter(|line| line["path"] == "/no/such/path").count();
    // A few of the process's own lines may be lost, too.
    assert!((10_001..10_020).contains(&(logged + usize::try_from(lost).unwrap())), "{logged} logged, {lost} lost");
    let stopping = lines.iter().any(|line| line["message"] == "stopping");
    assert!(stopping, "the last lines are written before the process ends");
}

#[tokio::test]
async fn the_command_line_ends_with_an_exit_code_when_its_output_cannot_be_written() {
    let folder = Folder::new();
    for (arguments, expected) in
        [(&["openapi"][..], 0), (&["--help"], 0), (&["--version"], 0), (&["no-such-command"], 2)]
    {
        let status = roster(folder.path()).args(arguments).stdout(broken()).stderr(broken()).status().unwrap();
        assert_eq!(status.code(), Some(expected), "{arguments:?}: the pipe is closed");
        let status = roster(folder.path()).args(arguments).stdout(full()).stderr(full()).status().unwrap();
        assert!(matches!(status.code(), Some(0 | 2)), "{arguments:?} {status:?}: no space is left");
    }
    let failed = roster(folder.path()).arg("openapi").stdout(full()).output().unwrap();
    assert_eq!(failed.status.code(), Some(2), "it could not be done");
    assert!(String::from_utf8_lossy(&failed.stderr).starts_with("roster: "), "{failed:?}");
    // A server that cannot start ends, whether or not it can print the reason.
    for made in [full, broken] {
        let mut refused = roster(folder.path());
        refused.env("ROSTER_LISTEN", "203.0.113.1:1").stdout(made()).stderr(made());
        assert_eq!(refused.status().unwrap().code(), Some(2));
    }
}
