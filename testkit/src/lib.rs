//! A blocking HTTP/1.1 client for a server on this machine. It does little work for a request, since it shares the
//! processors with the server that it measures. It understands answers with a `Content-Length` only.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// One client. It keeps its connection, and opens another one after the server has closed it or a request has failed.
pub struct Client {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

/// A complete answer of any status.
pub struct Answer {
    pub status: u16,
    head: String,
    /// Null if the body is not JSON.
    pub body: Value,
    /// The time from before the request was sent until the answer was read.
    pub took: Duration,
}

impl Client {
    /// A client without a connection.
    #[must_use]
    pub const fn new(server: SocketAddr) -> Self {
        Self { server, connection: None }
    }

    /// Sends a `GET` request.
    ///
    /// # Errors
    /// When there is no complete answer.
    pub fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, "\r\n")
    }

    /// Sends a `POST` request with the header `Prefer`.
    ///
    /// # Errors
    /// When there is no complete answer.
    pub fn post(&mut self, path: &str, prefer: &str, body: &Value) -> Result<Answer> {
        self.request("POST", path, &[("prefer", prefer.to_owned())], Some(body))
    }

    /// Sends a request with these headers, and perhaps a body.
    ///
    /// # Errors
    /// When there is no complete answer.
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut rest: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            rest += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        self.send(method, path, &format!("{rest}\r\n{body}"))
    }

    fn send(&mut self, method: &str, path: &str, rest: &str) -> Result<Answer> {
        let asked = Instant::now();
        let mut connection = self.connection.take().map_or_else(|| connect(self.server), Ok)?;
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{rest}");
        connection.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let length = header(&head, "content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        connection.read_exact(&mut body)?;
        if header(&head, "connection") != Some("close") {
            self.connection = Some(connection);
        }
        let took = asked.elapsed();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        Ok(Answer { status, head, body: serde_json::from_slice(&body).unwrap_or_default(), took })
    }
}

impl Answer {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The answer itself, if it has this status.
    ///
    /// # Errors
    /// When it has another status.
    pub fn with_status(self, status: u16) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(Error::other(format!("{} instead of {status}: {}", self.status, self.body)))
    }
}

fn connect(server: SocketAddr) -> Result<BufReader<TcpStream>> {
    let connection = TcpStream::connect(server)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(connection))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
