use crate::server::{Client, LONG, SHORT, Server, lenient, within};
use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use hyper::body::Frame;
use std::{
    future::pending,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    sync::{Notify, mpsc},
};
use web::{ConnectionLimits, EdgeSettings};

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn serving(app: Router, limits: ConnectionLimits) -> Server {
    Server::with(app, EdgeSettings { answer_within: LONG, ..EdgeSettings::default() }, limits).await
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_is_cut() {
    let server = serving(hello(), ConnectionLimits { head_within: SHORT, ..lenient() }).await;
    for part in ["", "GET", "GET / HTTP/1.1\r\nHost: x\r\n"] {
        let mut client = server.connect().await;
        client.send(part).await;
        assert_eq!(client.rest().await, "", "{part:?}");
    }
}

#[tokio::test]
async fn a_head_that_drips_is_cut_too() {
    let server = serving(hello(), ConnectionLimits { head_within: SHORT * 2, ..lenient() }).await;
    let Client(stream) = server.connect().await;
    let (mut reader, mut writer) = stream.into_split();
    let drip = async {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        pending::<()>().await;
    };
    let mut sink = Vec::new();
    tokio::select! {
        () = within(drip) => {}
        _ = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut sink) => {}
    }
    assert!(sink.is_empty());
}

#[tokio::test]
async fn the_head_of_a_later_request_must_arrive_in_time_as_well() {
    let server = serving(hello(), ConnectionLimits { head_within: SHORT, ..lenient() }).await;
    let mut client = server.connect().await;
    client.send(GET).await;
    assert_eq!(client.answer().await.body, "hello");
    client.send("GET / HT").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn an_idle_connection_is_cut() {
    let server = serving(hello(), ConnectionLimits { idle_for: SHORT, ..lenient() }).await;
    let mut client = server.connect().await;
    client.send(GET).await;
    assert_eq!(client.answer().await.body, "hello");
    assert_eq!(client.rest().await, "");
}

/// A body without an end that sends a message when it is dropped.
struct Endless(mpsc::UnboundedSender<()>);

impl axum::body::HttpBody for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 64 * 1024])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut() {
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let app = Router::new().route("/", get(async move || Body::new(Endless(dropped.clone()))));
    let server = serving(app, ConnectionLimits { stalled_for: SHORT, ..lenient() }).await;
    let mut client = server.connect().await;
    client.send(GET).await;
    within(drops.recv()).await.expect("the response is dropped");
}

/// A handler that reports when it begins and when it is dropped, and that waits for `go_on`.
#[derive(Clone)]
struct Gate {
    events: mpsc::UnboundedSender<&'static str>,
    go_on: Arc<Notify>,
}

struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        _ = self.0.send("dropped");
    }
}

impl Gate {
    fn new() -> (Self, mpsc::UnboundedReceiver<&'static str>) {
        let (events, seen) = mpsc::unbounded_channel();
        (Self { events, go_on: Arc::default() }, seen)
    }

    fn app(&self) -> Router {
        let Self { events, go_on } = self.clone();
        hello().route(
            "/slow",
            get(async move || {
                let _dropped = Dropped(events.clone());
                _ = events.send("begun");
                go_on.notified().await;
                "done"
            }),
        )
    }
}

const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_request() {
    let (gate, mut seen) = Gate::new();
    let server = serving(gate.app(), lenient()).await;
    let mut client = server.connect().await;
    client.send(SLOW).await;
    assert_eq!(within(seen.recv()).await, Some("begun"));
    drop(client);
    assert_eq!(within(seen.recv()).await, Some("dropped"));
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_finishes_requests_in_flight() {
    let (gate, mut seen) = Gate::new();
    let server = serving(gate.app(), lenient()).await;
    let address = server.address;
    let (mut idle, mut fresh, mut busy) = (server.connect().await, server.connect().await, server.connect().await);
    idle.send(GET).await;
    assert_eq!(idle.answer().await.body, "hello");
    busy.send(SLOW).await;
    assert_eq!(within(seen.recv()).await, Some("begun"));

    let stopped = server.stop();
    assert_eq!(idle.rest().await, "", "between two requests");
    assert_eq!(fresh.rest().await, "", "before the first");
    assert!(within(TcpStream::connect(address)).await.is_err(), "nothing is accepted any more");
    assert!(!stopped.is_finished());

    gate.go_on.notify_one();
    let answer = busy.answer().await;
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("done", Some("close")));
    assert_eq!(busy.rest().await, "");
    within(stopped).await.unwrap();
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let (gate, mut seen) = Gate::new();
    let server = serving(gate.app(), ConnectionLimits { drain_within: SHORT, ..lenient() }).await;
    let mut client = server.connect().await;
    client.send(SLOW).await;
    assert_eq!(within(seen.recv()).await, Some("begun"));
    within(server.stop()).await.unwrap();
    assert_eq!(seen.try_recv(), Ok("dropped"), "the handler is dropped");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn at_the_cap_a_further_connection_waits_until_another_ends() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let app = hello().route("/counted", get(async move || counted.fetch_add(1, Ordering::SeqCst).to_string()));
    let server = serving(app, ConnectionLimits { connections: 2, ..lenient() }).await;
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    for client in [&mut one, &mut two] {
        client.send(GET).await;
        assert_eq!(client.answer().await.status(), 200);
    }
    let mut third = server.connect().await;
    third.send("GET /counted HTTP/1.1\r\nHost: x\r\n\r\n").await;
    for _ in 0..100 {
        one.send(GET).await;
        assert_eq!(one.answer().await.status(), 200);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "the third connection still waits after a hundred responses");
    drop(two);
    assert_eq!(third.answer().await.body, "0");
}
