//! Sends requests from threads. It does little work for a request, since it shares the processors with the server that
//! it measures. It understands answers with a `Content-Length` only.

use crate::{Answer, PATIENCE, Request};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

/// One client. It keeps its connection, and opens another one after the server has closed it or a request has failed.
pub struct Client {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
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
        self.send(&Request::get(path))
    }

    /// Sends a `POST` request with the header `Prefer`.
    ///
    /// # Errors
    /// When there is no complete answer.
    pub fn post(&mut self, path: &str, prefer: &str, body: &Value) -> Result<Answer> {
        self.send(&Request::post(path, body).header("Prefer", prefer))
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When there is no complete answer.
    pub fn send(&mut self, request: &Request) -> Result<Answer> {
        let asked = Instant::now();
        let mut connection = self.connection.take().map_or_else(|| connect(self.server), Ok)?;
        connection.get_mut().write_all(&request.bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let answer = Answer::parse(head.as_bytes(), asked.elapsed()).ok_or(ErrorKind::InvalidData)?;
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        connection.read_exact(&mut body)?;
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        let body = String::from_utf8(body).map_err(Error::other)?;
        Ok(Answer { body, took: asked.elapsed(), ..answer })
    }
}

fn connect(server: SocketAddr) -> Result<BufReader<TcpStream>> {
    let connection = TcpStream::connect(server)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(connection))
}
