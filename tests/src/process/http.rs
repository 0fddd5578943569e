//! A minimal HTTP/1.1 client with one connection per request.

use serde_json::Value;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A timeout longer than a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// The names are in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request, and reads the complete answer.
///
/// # Errors
/// When the connection is refused or breaks, and when the answer is cut short. The client then knows nothing of the
/// outcome.
pub async fn send(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Result<Answer> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    let request = format!("{request}\r\n{body}");
    let exchange = async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        parse(&answer).ok_or_else(|| Error::new(ErrorKind::UnexpectedEof, "the answer was cut short"))
    };
    timeout(PATIENCE, exchange).await?
}

/// `None` if the answer is not complete.
fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(&answer[..end]).ok()?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())))
        .collect::<Option<Vec<_>>>()?;
    let answer = Answer { status, headers, body: answer[end + 4..].to_vec() };
    let length: usize = answer.header("content-length").unwrap_or("0").parse().ok()?;
    (answer.body.len() == length).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_a_complete_answer_is_parsed() {
        let whole = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nLocation: /x\r\n\r\n{}";
        let answer = parse(whole).unwrap();
        assert_eq!((answer.status, answer.header("location"), answer.json().is_object()), (202, Some("/x"), true));
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut]).is_none(), "{cut}");
        }
    }
}
