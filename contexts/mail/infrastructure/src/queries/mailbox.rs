//! The mailbox of a development installation: pages for a person on the same machine.

use crate::http::MailState;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Response};
use persistence::{SqlTimestamp, fetch_all, fetch_optional};
use uuid::Uuid;
use web::{Client, PathId, Problem, escape, private_page, unavailable};

/// Mails may have links, and nothing else that a page could do.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation allow-popups";
/// How many mails the page lists.
const MOST: i64 = 100;

impl MailState {
    /// Refuses clients that are not on this machine, and pages of other sites whose name was made to lead here.
    fn refuse_strangers(&self, client: &Client, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name);
        let is_local = ["localhost", "127.0.0.1", "[::1]"].contains(&name.to_ascii_lowercase().as_str());
        if self.mailbox && client.address.ip().is_loopback() && is_local { Ok(()) } else { Err(Problem::not_found()) }
    }
}

/// `GET /mail`
pub(crate) async fn list(
    State(state): State<MailState>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state.refuse_strangers(&client, &headers)?;
    let here = uri.path().rsplit('/').next().unwrap_or("mail").to_owned();
    let sql = "select id, created_at, recipient, subject from mail_mails where subject is not null \
         order by created_at desc, id desc limit $1";
    let mut db = state.db.read().await.map_err(unavailable)?;
    let rows = fetch_all!(&mut db, (Uuid, SqlTimestamp, String, String), sql, MOST).map_err(unavailable)?;
    if rows.is_empty() {
        return Ok(private_page("Mailbox", "<p>No mail yet.</p>"));
    }
    let row = |(id, at, to, subject): (Uuid, SqlTimestamp, String, String)| {
        let (to, subject) = (escape(&to), escape(&subject));
        format!("<tr><td>{}</td><td>{to}</td><td><a href=\"{here}/{id}\">{subject}</a></td></tr>", at.0)
    };
    let rows: String = rows.into_iter().map(row).collect();
    let about = "<p>This server sends no mail: it keeps mails here. A mail server in the settings sends them.</p>";
    Ok(private_page(
        "Mailbox",
        &format!("{about}<table><tr><th>when</th><th>to</th><th>subject</th></tr>{rows}</table>"),
    ))
}

/// `GET /mail/{id}`
pub(crate) async fn read(
    State(state): State<MailState>,
    PathId(id): PathId,
    client: Client,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state.refuse_strangers(&client, &headers)?;
    let sql = "select created_at, recipient, subject, text from mail_mails where id = $1 and subject is not null";
    let mut db = state.db.read().await.map_err(unavailable)?;
    let row = fetch_optional!(&mut db, (SqlTimestamp, String, String, String), sql, id).map_err(unavailable)?;
    let (at, to, subject, text) = row.ok_or_else(Problem::not_found)?;
    let body = format!(
        "<dl><dt>To</dt><dd>{}</dd><dt>When</dt><dd>{}</dd></dl><pre>{}</pre>\
         <p><a href=\"{id}/html\">The same as HTML</a> · <a href=\"../mail\">All mails</a></p>",
        escape(&to),
        at.0,
        linked(&text)
    );
    Ok(private_page(&subject, &body))
}

/// `GET /mail/{id}/html`
pub(crate) async fn read_html(
    State(state): State<MailState>,
    PathId(id): PathId,
    client: Client,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state.refuse_strangers(&client, &headers)?;
    let sql = "select html from mail_mails where id = $1 and html is not null";
    let mut db = state.db.read().await.map_err(unavailable)?;
    let (html,) = fetch_optional!(&mut db, (String,), sql, id).map_err(unavailable)?.ok_or_else(Problem::not_found)?;
    let headers =
        [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store")];
    Ok((headers, html).into_response())
}

/// The text as HTML, with each URL on a line of its own as a link.
fn linked(text: &str) -> String {
    let line = |line: &str| {
        let line = escape(line);
        if line.starts_with("http://") || line.starts_with("https://") {
            format!("<a href=\"{line}\">{line}</a>")
        } else {
            line
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
