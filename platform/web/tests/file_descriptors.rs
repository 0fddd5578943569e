//! A server that has run out of file descriptors continues once some are free. The test needs its own process, because
//! the limit and the log belong to the process.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{Router, routing::get};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    io,
    os::fd::AsRawFd as _,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use web::{ConnectionLimits, EdgeSettings, edge, serve};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn ask(client: &mut TcpStream) {
    let patience = Duration::from_secs(20);
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        answer.push(timeout(patience, client.read_u8()).await.expect("it hangs").expect("an answer"));
    }
}

#[tokio::test]
async fn a_server_without_file_descriptors_waits_for_some_and_does_not_spin() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(TcpStream::connect(address).await.unwrap());
    }
    // The kernel has completed eight connections, but the server has descriptors for two.
    let last = u64::try_from(clients.last().expect("eight").as_raw_fd()).unwrap();
    setrlimit(Resource::Nofile, Rlimit { current: Some(last + 3), ..getrlimit(Resource::Nofile) }).unwrap();
    let app = edge(Router::new().route("/", get(async || "hello")), EdgeSettings::default());
    let serving = tokio::spawn(serve(listener, app, ConnectionLimits::default(), std::future::pending()));

    for _ in 0..50 {
        ask(&mut clients[0]).await;
    }
    let warnings = String::from_utf8_lossy(&log.0.lock().unwrap()).matches("cannot accept connections").count();
    assert!((1..10).contains(&warnings), "{warnings} warnings in fifty answers");
    for mut client in clients {
        // Each client that ends frees a descriptor for the next one.
        ask(&mut client).await;
    }
    assert!(!serving.is_finished());
}
