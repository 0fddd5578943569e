//! The limits of connections and requests per client.

use crate::server::{Answer, Client, LONG, Server, lenient, within};
use axum::{Router, routing::get};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    sync::{Notify, mpsc},
};
use web::{ConnectionLimits, EdgeSettings};

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// A connection from another address of this machine.
async fn connect_from(address: &str, server: &Server) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    Client(within(socket.connect(server.address)).await.unwrap())
}

async fn is_served(client: &mut Client) -> bool {
    client.send(GET).await;
    client.answer().await.body == "hello"
}

#[tokio::test]
async fn an_address_with_too_many_connections_gets_no_more_and_another_address_does() {
    let server = Server::with(hello(), EdgeSettings::default(), ConnectionLimits { per_address: 2, ..lenient() }).await;
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    assert!(is_served(&mut one).await && is_served(&mut two).await);
    assert_eq!(server.connect().await.rest().await, "", "the third is closed");
    assert!(is_served(&mut connect_from("127.0.0.2", &server).await).await);
    drop(one);
    // The server sees the end of a connection a little later.
    within(async { while !is_answered(&server).await {} }).await;
    assert!(is_served(&mut two).await);
}

/// Whether a new connection is answered rather than closed.
async fn is_answered(server: &Server) -> bool {
    let mut client = server.connect().await;
    _ = client.0.write_all(GET.as_bytes()).await;
    within(client.0.read_u8()).await.is_ok()
}

#[tokio::test]
async fn a_trusted_proxy_may_use_all_connections() {
    let proxies = "127.0.0.1".parse().unwrap();
    let limits = ConnectionLimits { per_address: 1, proxies, ..lenient() };
    let server = Server::with(hello(), EdgeSettings::default(), limits).await;
    let mut connections = Vec::new();
    for _ in 0..5 {
        let mut client = server.connect().await;
        assert!(is_served(&mut client).await);
        connections.push(client);
    }
    let mut other = connect_from("127.0.0.2", &server).await;
    assert!(is_served(&mut other).await);
    assert_eq!(connect_from("127.0.0.2", &server).await.rest().await, "", "not a proxy: its share is one");
}

#[tokio::test]
async fn behind_a_proxy_one_client_has_its_share_of_requests_and_another_is_served() {
    let (begun, mut seen) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = go_on.clone();
    let app = hello().route(
        "/slow",
        get(async move || {
            _ = begun.send(());
            gate.notified().await;
            "done"
        }),
    );
    let settings = EdgeSettings {
        answer_within: LONG,
        proxies: "127.0.0.1".parse().unwrap(),
        requests_per_address: 2,
        ..EdgeSettings::default()
    };
    let server = Server::with(app, settings, lenient()).await;
    let ask = |target: &str, client: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: {client}\r\n\r\n")
    };
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect().await;
        client.send(ask("/slow", "192.0.2.1")).await;
        assert_eq!(within(seen.recv()).await, Some(()));
        waiting.push(client);
    }
    let refused = server.ask(ask("/", "192.0.2.1")).await;
    assert_eq!((refused.status(), refused.problem().as_str()), (429, "too_many_requests"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(server.ask(ask("/", "192.0.2.2")).await.status(), 200, "another client of the same proxy");
    go_on.notify_one();
    go_on.notify_one();
    for mut client in waiting {
        assert_eq!(Answer::parse(&client.rest().await).body, "done");
    }
    assert_eq!(server.ask(ask("/", "192.0.2.1")).await.status(), 200, "finished requests do not count");
}
