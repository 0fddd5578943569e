use serde_json::Value;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: &'static str,
    /// The path and the query.
    pub target: String,
    host: String,
    head: Vec<u8>,
    pub(crate) body: Option<Vec<u8>>,
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

    /// Adds a bearer token.
    #[must_use]
    pub fn bearing(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// Adds the access token of a signed-in user.
    #[must_use]
    pub fn by(self, who: &impl Bearer) -> Self {
        self.bearing(who.token())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { method, target, host, head, body } = self;
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
        bytes.extend_from_slice(head);
        if let Some(body) = body {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body.as_deref().unwrap_or_default());
        bytes
    }
}

/// A user with an access token.
pub trait Bearer {
    /// The access token.
    fn token(&self) -> &str;
}
