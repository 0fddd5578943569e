//! A server that has no file descriptors left goes on when it has some again. It takes a process
//! of its own: the limit is the process's.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{Router, routing::get};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{os::fd::AsRawFd as _, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use web::{EdgeSettings, Limits, edge, serve};

#[tokio::test]
async fn a_server_without_file_descriptors_waits_for_some() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        clients.push(client);
    }
    // The kernel has completed eight connections; the server may take two.
    let last = u64::try_from(clients.last().expect("eight").as_raw_fd()).unwrap();
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(last + 3), ..before }).unwrap();
    let app = edge(Router::new().route("/", get(async || "hello")), EdgeSettings::default());
    let serving = tokio::spawn(serve(listener, app, Limits::default(), std::future::pending()));

    let patience = Duration::from_secs(20);
    let mut byte = [0];
    for mut client in clients {
        let read = timeout(patience, client.read_exact(&mut byte)).await.expect("it hangs");
        read.expect("an answer");
        // Its descriptor is free when the server sees the end: the next one's turn.
    }
    assert!(!serving.is_finished());
    assert!(TcpStream::connect(address).await.is_ok(), "descriptors are free again");
}
