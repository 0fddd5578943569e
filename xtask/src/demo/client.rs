//! A minimal HTTP client for the demo.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One client with connections of its own.
pub(crate) struct Client {
    agent: Agent,
    base: String,
}

/// An answer of any status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) media_type: String,
    /// Null if the body is not JSON.
    pub(crate) body: Value,
    pub(crate) took: Duration,
}

impl Client {
    pub(crate) fn new(base: &str) -> Client {
        // No timeout for the whole request: with one, ureq starts a thread per request to look up the host name.
        let config = Agent::config_builder().http_status_as_error(false).timeout_recv_response(Some(PATIENCE));
        let config = config.timeout_recv_body(Some(PATIENCE));
        Client { agent: config.build().new_agent(), base: base.to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        let asked = Instant::now();
        let response = self.agent.get(format!("{}{path}", self.base)).call();
        read(response, asked).with_context(|| format!("GET {path}"))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.post_preferring("respond-async", path, body)
    }

    /// Signs a person up and waits until it is done.
    pub(crate) fn sign_up(&self, person: &Value) -> Result<Answer> {
        let answer = self.post_preferring("wait=30", "/users", person)?;
        if answer.status != 201 {
            bail!("POST /users was answered {} {}", answer.status, answer.body);
        }
        Ok(answer)
    }

    fn post_preferring(&self, prefer: &str, path: &str, body: &Value) -> Result<Answer> {
        let body = serde_json::to_vec(body)?;
        let asked = Instant::now();
        let request = self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        let sent = request.header("prefer", prefer).send(&body[..]);
        read(sent, asked).with_context(|| format!("POST {path}"))
    }
}

fn read(response: Result<Response<Body>, ureq::Error>, asked: Instant) -> Result<Answer> {
    let mut response = response?;
    let text = response.body_mut().read_to_string()?;
    let took = asked.elapsed();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Answer {
        status: response.status().as_u16(),
        location: header("location"),
        media_type: header("content-type").unwrap_or_default(),
        body: serde_json::from_str(&text).unwrap_or_default(),
        took,
    })
}
