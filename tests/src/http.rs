//! A plain HTTP/1.1 client with one connection per request. Tests see every byte of the answers.
#![expect(clippy::expect_used, clippy::panic, reason = "a step that does not work fails the test")]

use crate::PATIENCE;
use serde_json::Value;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: &'static str,
    /// The path and the query.
    pub target: String,
    host: String,
    head: Vec<u8>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), host: "localhost".to_owned(), head: Vec::new(), body: None }
    }

    /// A `GET` request.
    #[must_use]
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// A `POST` request with a JSON body.
    #[must_use]
    pub fn post(target: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", target).body("application/json", body.to_string())
    }

    /// Adds a header. Its value need not be UTF-8.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for part in [name.as_bytes(), b": ", value.as_ref(), b"\r\n"] {
            self.head.extend_from_slice(part);
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        if content_type.is_empty() { self } else { self.header("Content-Type", content_type) }
    }

    /// Replaces the `Host`.
    #[must_use]
    pub fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// Adds `Prefer: wait=N`.
    #[must_use]
    pub fn wait(self, seconds: u32) -> Self {
        self.header("Prefer", format!("wait={seconds}"))
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { method, target, host, head, body } = self;
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n").into_bytes();
        bytes.extend_from_slice(head);
        if let Some(body) = body {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body.as_deref().unwrap_or_default());
        bytes
    }

    pub(crate) async fn send(&self, to: SocketAddr) -> Answer {
        self.try_send(to).await.unwrap_or_else(|why| panic!("no answer to {self:?}: {why}"))
    }

    /// Sends the request, and reads the complete answer.
    ///
    /// # Errors
    /// When the connection is refused or breaks, and when the answer is cut short. The client then knows nothing of
    /// the outcome.
    pub async fn try_send(&self, to: SocketAddr) -> Result<Answer> {
        let exchange = async {
            let mut stream = TcpStream::connect(to).await?;
            // A server that refuses early may close before it has read everything. Its answer counts.
            let _ = stream.write_all(&self.bytes()).await;
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes).await;
            let cut = || Error::new(ErrorKind::UnexpectedEof, String::from_utf8_lossy(&bytes).into_owned());
            Answer::parse(&bytes).filter(|answer| self.method == "HEAD" || answer.is_complete()).ok_or_else(cut)
        };
        timeout(PATIENCE, exchange).await?
    }
}

/// A request without its last byte: the server has read the head and waits for the rest of the body.
pub struct Held {
    stream: TcpStream,
    last: u8,
}

impl Request {
    /// Sends all but the last byte of the body, which MUST not be empty.
    ///
    /// The server sends `100 Continue` when it begins to read the body (RFC 9110, section 10.1.1). It has checked the
    /// head by then.
    pub(crate) async fn hold(&self, to: SocketAddr) -> Held {
        let bytes = self.clone().header("Expect", "100-continue").bytes();
        let body = self.body.as_deref().expect("a body").len();
        let (head, body) = bytes.split_at(bytes.len() - body);
        let (last, body) = body.split_last().expect("a body of a byte or more");
        let exchange = async {
            let mut stream = TcpStream::connect(to).await.expect("the server accepts connections");
            stream.write_all(head).await.expect("the server reads");
            let mut interim = Vec::new();
            while !interim.ends_with(b"\r\n\r\n") {
                interim.push(stream.read_u8().await.expect("the server goes on"));
            }
            let interim = String::from_utf8_lossy(&interim).into_owned();
            assert!(interim.starts_with("HTTP/1.1 100 "), "{interim} to {self:?}");
            stream.write_all(body).await.expect("the server reads");
            stream
        };
        let stream = timeout(PATIENCE, exchange).await.unwrap_or_else(|_| panic!("the head of {self:?} is not read"));
        Held { stream, last: *last }
    }
}

/// An answer that has not ended, such as an event stream.
pub struct Open {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Request {
    /// Sends the request and keeps the connection open.
    pub(crate) async fn open(&self, to: SocketAddr) -> Open {
        let mut stream = TcpStream::connect(to).await.expect("the server accepts connections");
        stream.write_all(&self.bytes()).await.expect("the server reads");
        Open { stream, read: Vec::new() }
    }
}

impl Open {
    /// Reads until the text has arrived `times` times.
    pub async fn until(&mut self, text: &str, times: usize) {
        let reading = async {
            while String::from_utf8_lossy(&self.read).matches(text).count() < times {
                self.read.push(self.stream.read_u8().await.expect("the answer goes on"));
            }
        };
        let read = timeout(PATIENCE, reading).await;
        assert!(read.is_ok(), "never {times} times {text}: {}", String::from_utf8_lossy(&self.read));
    }

    /// Reads until the server ends the answer, and returns all of it.
    pub async fn to_its_end(mut self) -> String {
        let read = timeout(PATIENCE, self.stream.read_to_end(&mut self.read)).await;
        assert!(read.is_ok(), "it does not end: {}", String::from_utf8_lossy(&self.read));
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

impl Held {
    /// Sends the last byte, and returns the answer.
    pub async fn let_go(mut self) -> Answer {
        let exchange = async {
            self.stream.write_all(&[self.last]).await.expect("the server reads");
            let mut bytes = Vec::new();
            let _ = self.stream.read_to_end(&mut bytes).await;
            bytes
        };
        let bytes = timeout(PATIENCE, exchange).await.expect("an answer");
        Answer::parse(&bytes).unwrap_or_else(|| panic!("{:?} is no answer", String::from_utf8_lossy(&bytes)))
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    pub body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        Some(Self { status, head: head.to_owned(), body: body.to_owned() })
    }

    fn is_complete(&self) -> bool {
        self.header("content-length").is_none_or(|length| length.parse() == Ok(self.body.len()))
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The body, which MUST be JSON with a matching Content-Type.
    #[must_use]
    pub fn json(&self) -> Value {
        let kind = self.header("content-type").unwrap_or_default();
        assert!(matches!(kind, "application/json" | "application/problem+json"), "no JSON: {self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The code of a problem. The answer MUST be a complete and consistent problem document.
    #[must_use]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}"));
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert_eq!(problem["type"], format!("/problems/{code}"), "{self:?}");
        assert_eq!(problem["trace_id"].as_str().map(str::len), Some(32), "{self:?}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{self:?}");
        let request = self.header("x-request-id").unwrap_or_else(|| panic!("no request id: {self:?}"));
        assert_eq!(problem["instance"], format!("urn:uuid:{request}"), "{self:?}");
        code.to_owned()
    }

    /// The violations of a problem, as pairs of pointer and code.
    #[must_use]
    pub fn violations(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn only_a_whole_answer_is_complete() {
        let whole = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nLocation: /x\r\n\r\n{}";
        let is_complete = |bytes| Answer::parse(bytes).is_some_and(|answer| answer.is_complete());
        assert!(is_complete(whole));
        for cut in 0..whole.len() {
            assert!(!is_complete(&whole[..cut]), "{cut}");
        }
    }
}
