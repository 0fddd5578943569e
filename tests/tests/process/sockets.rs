//! Limits on connections, and their end when the process stops.

use acceptance::Request;
use acceptance::process::{Folder, Server, free_port, until};
use rustix::process::{Resource, getrlimit};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const GET: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn connect_from(address: &str, at: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    timeout(PATIENCE, socket.connect(at)).await.unwrap().unwrap()
}

/// Whether a request on this connection gets an answer; false if the server closes the connection.
async fn is_answered(stream: &mut TcpStream) -> bool {
    let mut head = [0; 12];
    // A reset counts as a close.
    let _ = stream.write_all(GET).await;
    timeout(PATIENCE, stream.read_exact(&mut head)).await.unwrap().is_ok() && &head == b"HTTP/1.1 200"
}

#[tokio::test]
async fn one_address_may_open_only_so_many_connections() {
    let folder = Folder::new();
    let server = folder.roster(&[]).set("ROSTER_CONNECTIONS_PER_ADDRESS", "3").serve().await;
    let mut mine = Vec::new();
    for _ in 0..3 {
        let mut stream = connect_from("127.0.0.1", server.at()).await;
        assert!(is_answered(&mut stream).await);
        mine.push(stream);
    }
    assert!(!is_answered(&mut connect_from("127.0.0.1", server.at()).await).await, "the fourth is closed");
    assert!(is_answered(&mut connect_from("127.0.0.2", server.at()).await).await, "another address");
    drop(mine);
    server.logs("closed connections of an address").await;
}

#[tokio::test]
async fn with_a_low_file_limit_one_address_cannot_take_all_connections() {
    let folder = Folder::new();
    let limited = folder.roster(&[]).under(&["sh", "-c", "ulimit -n 400; exec \"$@\"", "sh"]);
    let server = limited.serve().await;
    let mut mine = Vec::new();
    for _ in 0..300 {
        mine.push(connect_from("127.0.0.1", server.at()).await);
    }
    assert!(is_answered(&mut connect_from("127.0.0.2", server.at()).await).await, "another address");
    let mut other = connect_from("127.0.0.2", server.at()).await;
    other.write_all(b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut head = [0; 12];
    timeout(PATIENCE, other.read_exact(&mut head)).await.unwrap().unwrap();
    assert_eq!(&head, b"HTTP/1.1 200", "the database has its files");
    server.logs("serving fewer connections").await;
}

#[tokio::test]
async fn a_process_raises_its_file_limit() {
    let allowed = getrlimit(Resource::Nofile).maximum;
    let folder = Folder::new();
    let server = folder.roster(&[]).under(&["sh", "-c", "ulimit -S -n 200; exec \"$@\"", "sh"]).serve().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<_> = files.split_whitespace().filter_map(|word| word.parse::<u64>().ok()).collect();
    assert!(numbers.first() == numbers.last() && allowed == numbers.last().copied(), "{files}");
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_the_configured_time() {
    let folder = Folder::new();
    let server = folder.roster(&[]).set("ROSTER_IDLE_TIMEOUT", "2s").serve().await;
    let mut stream = connect_from("127.0.0.1", server.at()).await;
    let begun = Instant::now();
    stream.write_all(GET).await.unwrap();
    let mut all = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut all)).await.unwrap().unwrap();
    assert!(all.starts_with(b"HTTP/1.1 200") && begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_idle_event_stream_sends_heartbeats() {
    let Some(database) = acceptance::process::postgres().await else { return };
    let folder = Folder::new();
    // Without a worker the command never ends.
    let server = folder.roster(&["serve", "--role", "api"]).set("DATABASE_URL", &database).serve().await;
    let accepted = server.sign_up(&[], &crate::new_person()).await;
    let events = format!("{}/events", accepted.header("location").unwrap());
    let mut stream = connect_from("127.0.0.1", server.at()).await;
    stream.write_all(format!("GET {events} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let (mut all, begun) = (Vec::new(), Instant::now());
    while !all.windows(14).any(|it| it == b"\n: heartbeat\n\n") {
        assert!(begun.elapsed() < Duration::from_secs(25), "silence: {}", String::from_utf8_lossy(&all));
        let byte = timeout(PATIENCE, stream.read_u8()).await.unwrap();
        all.push(byte.unwrap());
    }
    assert!(begun.elapsed() >= Duration::from_secs(10), "not more often than it helps");
}

async fn readiness(server: &Server) -> Option<(u16, serde_json::Value)> {
    let answer = Request::get("/health/ready").try_send(server.at()).await.ok()?;
    Some((answer.status, answer.json()))
}

#[tokio::test]
async fn with_a_shutdown_delay_a_process_is_not_ready_and_still_serves() {
    let folder = Folder::new();
    let port = free_port();
    let roster = folder.roster(&[]).set("ROSTER_LISTEN", format!("127.0.0.1:{port}")).hashing_fast();
    let mut server = roster.set("ROSTER_SHUTDOWN_DELAY", "4s").serve().await;
    assert_eq!(readiness(&server).await.unwrap().0, 200);
    server.ask_to_end();
    let report = until(Duration::from_secs(3), "503", async || {
        readiness(&server).await.filter(|(status, _)| *status == 503).map(|(_, report)| report)
    })
    .await;
    assert_eq!((&report["status"], &report["stopping"]), (&"down".into(), &true.into()), "{report}");
    assert_eq!(server.get("/health/live").await.status, 200, "new connections are served");
    let accepted = server.sign_up(&[("prefer", "wait=20")], &crate::new_person()).await;
    assert!(matches!(accepted.status, 201 | 202), "{accepted:?}");
    let ended = server.end(Duration::from_secs(35)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took >= Duration::from_secs(4) && ended.took < Duration::from_secs(34), "{ended:?}");
}
