//! The front page and the explanations of problems: HTML for browsers, JSON for programs.

use crate::{Json, Problem};
use axum::{
    Router,
    extract::{Path, State},
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

const STYLE: &str = include_str!("pages/style.css");

/// The explanation of one kind of problem.
#[derive(Debug, Clone, Copy)]
pub struct ProblemKind {
    pub code: &'static str,
    /// The usual HTTP status; `None` for a code that only occurs in `errors` of a problem or in `error` of a command.
    pub status: Option<u16>,
    /// The explanation of what has happened.
    pub meaning: &'static str,
    /// The advice on what to do.
    pub remedy: &'static str,
}

/// The contents of the front page.
#[derive(Debug, Clone, Copy)]
pub struct FrontPage {
    /// The name of the product.
    pub title: &'static str,
    /// A sentence about it.
    pub about: &'static str,
    /// Whether `/docs` and `/openapi.json` are served, so that the page links to them.
    pub docs: bool,
    /// The README, as Markdown.
    pub readme: &'static str,
}

#[derive(Clone)]
struct Pages {
    front: FrontPage,
    problems: &'static [ProblemKind],
    base: Arc<str>,
}

/// `GET /`, `GET /readme`, `GET /problems` and `GET /problems/{code}`: HTML for browsers, JSON for programs. `base` is
/// the path below which a proxy serves all routes, or an empty text.
pub fn routes(front: FrontPage, problems: &'static [ProblemKind], base: &str) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/readme", get(readme))
        .route("/problems", get(all_problems))
        .route("/problems/{code}", get(one_problem))
        .with_state(Pages { front, problems, base: base.into() })
}

/// The front page. Its links are relative, so that it works below any path of a proxy.
async fn index(State(pages): State<Pages>, asked: HeaderMap) -> Response {
    let docs: &[(&str, &str, &str)] = &[
        ("docs", "docs/", "The API documentation, to read and to try"),
        ("openapi", "openapi.json", "The OpenAPI 3.1 document"),
    ];
    let others: &[(&str, &str, &str)] = &[
        ("readme", "readme", "What this is, and how to run it"),
        ("problems", "problems", "The codes of problems, explained"),
        ("health", "health/ready", "Whether this server can serve requests"),
    ];
    let links = if pages.front.docs { docs } else { &[] }.iter().chain(others);
    if !prefers_html(&asked) {
        let links: serde_json::Map<_, _> =
            links.map(|(name, path, _)| ((*name).to_owned(), Value::from(format!("{}/{path}", pages.base)))).collect();
        return program(json!({ "name": pages.front.title, "links": links }));
    }
    let links: String =
        links.map(|(_, path, what)| format!("<li><a href=\"{path}\">{}</a>: {}</li>", path, escape(what))).collect();
    page(pages.front.title, &format!("<p>{}</p><ul>{links}</ul>", escape(pages.front.about)))
}

async fn readme(State(pages): State<Pages>) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    (headers, pages.front.readme).into_response()
}

async fn all_problems(State(pages): State<Pages>, asked: HeaderMap) -> Response {
    if !prefers_html(&asked) {
        let all: Vec<_> = pages.problems.iter().map(|kind| kind.json(&pages.base)).collect();
        return program(json!({ "data": all }));
    }
    let rows: String = pages
        .problems
        .iter()
        .map(|kind| {
            let status = kind.status.map(|status| status.to_string()).unwrap_or_default();
            let (code, meaning) = (escape(kind.code), escape(kind.meaning));
            format!("<tr><td><a href=\"problems/{code}\"><code>{code}</code></a></td><td>{status}</td><td>{meaning}</td></tr>")
        })
        .collect();
    let head = "<tr><th>code</th><th>status</th><th>what has happened</th></tr>";
    let about = "<p>A code without a status occurs in <code>errors</code> of a problem, or in <code>error</code> of a \
                 command.</p>";
    page("Problems", &format!("{about}<table>{head}{rows}</table><p><a href=\"./\">{}</a></p>", pages.front.title))
}

async fn one_problem(
    State(pages): State<Pages>,
    Path(code): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let kind = pages.problems.iter().find(|kind| kind.code == code).ok_or_else(Problem::not_found)?;
    if !prefers_html(&asked) {
        return Ok(program(kind.json(&pages.base)));
    }
    let status = kind.status.map_or_else(
        || "in <code>errors</code> of a problem, or in <code>error</code> of a command".to_owned(),
        |status| format!("HTTP status {status}"),
    );
    let (meaning, remedy) = (escape(kind.meaning), escape(kind.remedy));
    let body = format!(
        "<dl><dt>Where</dt><dd>{status}</dd><dt>What has happened</dt><dd>{meaning}</dd><dt>What to do</dt><dd>{remedy}</dd></dl>\
         <p><a href=\"../problems\">All problems</a></p>"
    );
    Ok(page(kind.code, &body))
}

impl ProblemKind {
    fn json(&self, base: &str) -> Value {
        let Self { code, status, meaning, remedy } = self;
        json!({
            "type": format!("{base}/problems/{code}"), "code": code, "status": status, "meaning": meaning, "remedy": remedy,
        })
    }
}

fn program(value: Value) -> Response {
    (headers(), Json(value)).into_response()
}

fn page(title: &str, body: &str) -> Response {
    html_page(title, body, "'none'", headers())
}

/// A page with a form that posts to this server, or a page for one person: no cache keeps it. `body` is HTML: the caller
/// escapes texts by [`escape`].
pub fn private_page(title: &str, body: &str) -> Response {
    let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
    html_page(title, body, "'self'", headers)
}

fn html_page(title: &str, body: &str, forms: &str, headers: HeaderMap) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    // The page may use its one style sheet, identified by its digest, and nothing else.
    let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
    );
    let mut answer = (headers, html).into_response();
    // Replaces the type of a plain text. `extend` would add a second one.
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

fn headers() -> HeaderMap {
    let fixed = [(VARY, HeaderValue::from_static("Accept")), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    fixed.into_iter().collect()
}

/// Whether `Accept` prefers HTML to JSON (RFC 9110, section 12.5.1). Browsers send `text/html`; programs send a JSON
/// type, `*/*`, or no `Accept`.
fn prefers_html(asked: &HeaderMap) -> bool {
    let (mut html, mut json) = (0.0, 0.0);
    for range in asked.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','))
    {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>).unwrap_or(0.0);
        match &*kind {
            "text/html" | "application/xhtml+xml" => html = weight.max(html),
            "application/json" | "application/problem+json" | "application/*" => json = weight.max(json),
            _ => {}
        }
    }
    html > json
}

/// The text for the content of an HTML element, or an attribute in double quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::prefers_html;
    use axum::http::{HeaderMap, HeaderValue, header::ACCEPT};

    #[test]
    fn browsers_get_html_and_programs_get_json() {
        let asks =
            |value: &'static str| prefers_html(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))]));
        for browser in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html",
            "TEXT/HTML; q=0.5, application/json;q=0.4",
        ] {
            assert!(asks(browser), "{browser}");
        }
        for program in [
            "",
            "*/*",
            "application/json",
            "application/json, text/html;q=0.9",
            "application/problem+json, */*",
            "text/html;q=0",
            "text/plain",
            "text/html;q=nonsense",
        ] {
            assert!(!asks(program), "{program}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
