use axum::Router;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use web::{ConnectionLimits, EdgeSettings, edge, serve};

/// The timeout of each step, so that a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const LONG: Duration = Duration::from_secs(3600);
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// Limits that no test reaches by accident.
pub(crate) fn lenient() -> ConnectionLimits {
    ConnectionLimits {
        connections: 100,
        per_address: 100,
        proxies: web::Proxies::default(),
        head_within: LONG,
        idle_for: LONG,
        stalled_for: LONG,
        drain_within: LONG,
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it hangs")
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(app: Router) -> Self {
        Self::with(app, EdgeSettings::default(), lenient()).await
    }

    pub(crate) async fn with(app: Router, settings: EdgeSettings, limits: ConnectionLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, edge(app, settings), limits, async { _ = stopped.await }));
        Self { address, stop, serving }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(within(TcpStream::connect(self.address)).await.unwrap())
    }

    /// Sends one request on a new connection, and reads until the server closes the connection.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        Answer::parse(&client.rest().await)
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
    }

    /// Begins the shutdown. The returned handle ends with the server.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).expect("it serves");
        self.serving
    }
}

pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref())).await.expect("the server takes it");
    }

    /// Reads one response, by its Content-Length.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let answer = Answer { head: head.to_owned(), body: body.to_owned() };
                let length: usize = answer.header("content-length").expect("a length").parse().unwrap();
                if body.len() >= length {
                    return answer;
                }
            }
            bytes.push(within(self.0.read_u8()).await.expect("an answer"));
        }
    }

    /// Reads everything until the server closes the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset ends the connection, too; the bytes before it are returned.
        _ = within(self.0.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        Self { head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().expect("a status")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Checks that this response is a complete problem, and returns the problem's code.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status(), "{problem}");
        let code = problem["code"].as_str().expect("a code");
        assert_eq!(problem["type"], format!("/problems/{code}"));
        let request_id = self.header("x-request-id").expect("the request's id");
        assert_eq!(problem["instance"], format!("urn:uuid:{request_id}"));
        assert_eq!(problem["trace_id"].as_str().map(str::len), Some(32));
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()));
        code.to_owned()
    }

    pub(crate) fn pointers(&self) -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect()
    }
}
