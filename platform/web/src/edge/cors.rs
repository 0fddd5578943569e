//! Cross-origin resource sharing (CORS; WHATWG Fetch, section 3.3): which pages of other origins may use the service.

use super::host::is_host;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::sync::Arc;
use tower::Service as _;

/// The request headers that the service reads, beyond those that every page may send.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, prefer, traceparent",
);
/// The response headers that pages may read, beyond those that every page may read.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, idempotency-replayed, link, location, preference-applied, retry-after, www-authenticate, x-request-id",
);
/// The seconds for which a browser may reuse a preflight's answer. Chromium allows no more.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// The origins whose pages may use the service. None by default.
///
/// Pages send their tokens in headers, so no answer allows credentials that the browser adds itself, such as cookies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsOrigins(Arc<[HeaderValue]>);

/// The text is not a list of origins. The error does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCorsOrigins {
    #[error(
        "must be origins as browsers send them, separated by commas, such as https://app.example.org, \
         http://localhost:3000: in lower case, without a path or a slash at the end"
    )]
    Malformed,
    #[error("must name each origin: wildcards are not supported")]
    Wildcard,
    #[error("must not have the ports :443 of https and :80 of http: browsers leave them out of an origin")]
    DefaultPort,
}

impl CorsOrigins {
    /// The origins.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|origin| origin.to_str().ok())
    }

    /// The hosts of the origins whose pages are sent without TLS.
    pub fn hosts_without_tls(&self) -> impl Iterator<Item = &str> {
        self.iter().filter_map(|origin| origin.strip_prefix("http://")).map(|rest| split_port(rest).0)
    }

    /// The origin of a request's page, if it is one of these.
    pub(crate) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut given = headers.get_all(ORIGIN).into_iter();
        match (given.next(), given.next()) {
            (Some(origin), None) if self.0.contains(origin) => Some(origin.clone()),
            _ => None,
        }
    }

    /// Completes the response to a request from a page of the `allowed` origin, or from any other client.
    pub(crate) fn complete(&self, response: &mut Response, allowed: Option<HeaderValue>) {
        if self.0.is_empty() {
            return;
        }
        let headers = response.headers_mut();
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
}

/// Whether a request asks if a page may send another request (a preflight).
pub(crate) fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers a preflight from an allowed origin. The routes know no OPTIONS, so they answer 405 with the methods of the
/// route, or 404. axum names the methods only outside of a router's layers, so the preflight needs the routes as such.
pub(crate) async fn answer_preflight(mut routes: Router, request: Request) -> Response {
    let Ok(mut routed) = routes.call(request).await;
    match routed.headers_mut().remove(ALLOW) {
        Some(methods) if routed.status() == StatusCode::METHOD_NOT_ALLOWED => {
            let headers = [
                (ACCESS_CONTROL_ALLOW_METHODS, methods),
                (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
                (ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
            ];
            (StatusCode::NO_CONTENT, headers).into_response()
        }
        _ => routed,
    }
}

/// Parses origins, separated by commas.
///
/// Browsers serialize an origin in one way only (WHATWG HTML, section 7.1.1), and the service compares origins byte by
/// byte. So it rejects every other spelling.
impl FromStr for CorsOrigins {
    type Err = NotCorsOrigins;

    fn from_str(text: &str) -> Result<Self, NotCorsOrigins> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(|one| origin(one.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn origin(text: &str) -> Result<HeaderValue, NotCorsOrigins> {
    if text.contains('*') {
        return Err(NotCorsOrigins::Wildcard);
    }
    let (scheme, rest) = text.split_once("://").ok_or(NotCorsOrigins::Malformed)?;
    let default_port = match scheme {
        "https" => "443",
        "http" => "80",
        _ => return Err(NotCorsOrigins::Malformed),
    };
    let (host, port) = split_port(rest);
    if port == Some(default_port) {
        return Err(NotCorsOrigins::DefaultPort);
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_shortest = |v6: &str| v6.parse::<Ipv6Addr>().is_ok_and(|address| address.to_string() == v6);
    let is_serialized = is_host(host)
        && !host.bytes().any(|byte| byte.is_ascii_uppercase())
        && port.is_none_or(is_port)
        && v6.is_none_or(is_shortest);
    if !is_serialized {
        return Err(NotCorsOrigins::Malformed);
    }
    HeaderValue::from_str(text).map_err(|_| NotCorsOrigins::Malformed)
}

/// Splits a port off. The colons of an IPv6 address are in brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{CorsOrigins, NotCorsOrigins};

    #[test]
    fn origins_are_separated_by_commas() {
        for (text, expected) in [
            ("", vec![]),
            (" ", vec![]),
            ("https://app.example.org", vec!["https://app.example.org"]),
            (
                "https://app.example.org:8443, http://localhost:3000,http://[::1]:3000",
                vec!["https://app.example.org:8443", "http://localhost:3000", "http://[::1]:3000"],
            ),
            (
                "https://xn--bcher-kva.example, http://127.0.0.1",
                vec!["https://xn--bcher-kva.example", "http://127.0.0.1"],
            ),
            // The default port of the other scheme.
            ("http://example.org:443,https://example.org:80", vec!["http://example.org:443", "https://example.org:80"]),
        ] {
            let origins: CorsOrigins = text.parse().expect(text);
            assert_eq!(origins.iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn a_text_that_no_browser_sends_as_an_origin_is_refused() {
        for text in [
            "null",
            "app.example.org",
            "//app.example.org",
            "https://",
            "https://app.example.org/",
            "https://app.example.org/path",
            "https://app.example.org?x",
            "https://App.example.org",
            "HTTPS://app.example.org",
            "https://user@app.example.org",
            "https://app.example.org:",
            "https://app.example.org:08443",
            "https://app.example.org:99999",
            "https://bücher.example",
            "https://[::0001]",
            "https://[2001:DB8::1]",
            "ftp://app.example.org",
            "file://",
            "https://app.example.org,",
            "https://app.example.org;https://b.example",
            "https://app.example.org https://b.example",
        ] {
            assert_eq!(text.parse::<CorsOrigins>(), Err(NotCorsOrigins::Malformed), "{text}");
        }
        for text in ["*", "https://*", "https://*.example.org", "https://app.example.org, *"] {
            assert_eq!(text.parse::<CorsOrigins>(), Err(NotCorsOrigins::Wildcard), "{text}");
        }
        for text in ["https://app.example.org:443", "http://localhost:80"] {
            assert_eq!(text.parse::<CorsOrigins>(), Err(NotCorsOrigins::DefaultPort), "{text}");
        }
    }
}
