#![expect(clippy::expect_used, clippy::panic, reason = "an answer that is not as it must be fails the test")]

use serde_json::Value;
use std::io::{Error, Result};
use std::time::Duration;

/// An answer of any status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    pub body: String,
    /// The time until the answer was read, from before the request was sent, or its last byte if that was held.
    pub took: Duration,
}

impl Answer {
    /// Parses an answer that may be cut short.
    pub(crate) fn parse(bytes: &[u8], took: Duration) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        Some(Self { status, head: head.to_owned(), body: body.to_owned(), took })
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
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

    /// The body, or null if it is not JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
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
