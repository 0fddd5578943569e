//! Sends requests from asynchronous code, each on a connection of its own.
#![expect(clippy::expect_used, clippy::panic, reason = "a step that does not work fails the test")]

use crate::{Answer, PATIENCE, Request};
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

impl Request {
    /// The bytes of the request, after whose answer the server closes the connection.
    fn closing(&self) -> Vec<u8> {
        self.clone().header("Connection", "close").bytes()
    }

    /// Sends the request, and reads the complete answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn send(&self, to: SocketAddr) -> Answer {
        self.try_send(to).await.unwrap_or_else(|why| panic!("no answer to {self:?}: {why}"))
    }

    /// Sends the request, and reads the complete answer.
    ///
    /// # Errors
    /// When the connection is refused or breaks, and when the answer is cut short. The client then knows nothing of
    /// the outcome.
    pub async fn try_send(&self, to: SocketAddr) -> Result<Answer> {
        let asked = Instant::now();
        let exchange = async {
            let mut stream = TcpStream::connect(to).await?;
            // A server that refuses early may close before it has read everything. Its answer counts.
            let _ = stream.write_all(&self.closing()).await;
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes).await;
            let cut = || Error::new(ErrorKind::UnexpectedEof, String::from_utf8_lossy(&bytes).into_owned());
            let answer = Answer::parse(&bytes, asked.elapsed());
            answer.filter(|answer| self.method == "HEAD" || answer.is_complete()).ok_or_else(cut)
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
    pub async fn hold(&self, to: SocketAddr) -> Held {
        let bytes = self.clone().header("Expect", "100-continue").closing();
        let (head, body) = bytes.split_at(bytes.len() - self.body.as_ref().map_or(0, Vec::len));
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
    pub async fn open(&self, to: SocketAddr) -> Open {
        let mut stream = TcpStream::connect(to).await.expect("the server accepts connections");
        stream.write_all(&self.closing()).await.expect("the server reads");
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
        let asked = Instant::now();
        let exchange = async {
            self.stream.write_all(&[self.last]).await.expect("the server reads");
            let mut bytes = Vec::new();
            let _ = self.stream.read_to_end(&mut bytes).await;
            bytes
        };
        let bytes = timeout(PATIENCE, exchange).await.expect("an answer");
        Answer::parse(&bytes, asked.elapsed())
            .unwrap_or_else(|| panic!("{:?} is no answer", String::from_utf8_lossy(&bytes)))
    }
}

impl Answer {
    fn is_complete(&self) -> bool {
        self.header("content-length").is_none_or(|length| length.parse() == Ok(self.body.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use std::time::Duration;

    #[test]
    fn only_a_whole_answer_is_complete() {
        let whole = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nLocation: /x\r\n\r\n{}";
        let is_complete = |bytes| Answer::parse(bytes, Duration::ZERO).is_some_and(|answer| answer.is_complete());
        assert!(is_complete(whole));
        for cut in 0..whole.len() {
            assert!(!is_complete(&whole[..cut]), "{cut}");
        }
    }
}
