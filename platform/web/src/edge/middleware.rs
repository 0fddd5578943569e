use crate::connection::address_quotas::AddressQuotas;
use crate::{
    ClientAddress, CorsOrigins, Deadline, Peer, Problem, Proxies, Trace,
    answer::problem::render,
    edge::{cors, host},
    request::body::BodyWithin,
};
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{
            CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, LINK, LOCATION, REFERRER_POLICY, SERVER,
            STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    time::Duration,
};
use tokio::time::Instant;
use tracing::Instrument as _;

/// The longest target of a request, in bytes; RFC 9110, section 4.1, asks for 8,000 at least.
const LONGEST_TARGET: usize = 8_000;
/// The most characters that the log shows of a path that does not exist.
const LONGEST_LOGGED_PATH: usize = 200;
/// `Retry-After` of a client that has too many requests in flight.
const SHARE_RETRY: Duration = Duration::from_secs(1);
/// The id of the request, on every response.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The settings of the [`edge`].
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// The timeout of a handler. A handler that waits on purpose asks for more ([`Deadline::extend`]). The time to
    /// stream a response's body does not count.
    pub answer_within: Duration,
    /// The timeout for the arrival of a request's body.
    pub body_within: Duration,
    /// The realm of challenges (RFC 9110, section 11.5), in printable ASCII without quotes.
    pub realm: &'static str,
    /// Whether to send `Strict-Transport-Security` (HSTS, RFC 6797): clients reach the service by TLS only.
    pub hsts: bool,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub proxies: Proxies,
    /// The path below which a proxy serves all routes, such as `/accounts`; empty if there is none.
    pub base_path: String,
    /// The most requests of one client in flight. Without a proxy, the limit of its connections is already a bound.
    pub requests_per_address: usize,
    /// The origins whose pages may use the service.
    pub cors: CorsOrigins,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(30),
            body_within: Duration::from_secs(10),
            realm: "api",
            hsts: false,
            proxies: Proxies::default(),
            base_path: String::new(),
            requests_per_address: 2_000,
            cors: CorsOrigins::default(),
        }
    }
}

/// Wraps all routes in a middleware that checks each request and completes each response.
///
/// The middleware rejects a request without one valid Host, or with a target over 8,000 bytes. It gives each request a
/// [`Trace`], a [`Deadline`] and a [`ClientAddress`]. It answers the preflights of pages of allowed origins. Each
/// response gets the security headers and those of CORS. Each error becomes a [`Problem`], including panics and
/// timeouts. Each request leaves one line in the access log.
pub fn edge(router: Router, settings: EdgeSettings) -> Router {
    let requests = AddressQuotas::new(usize::MAX, settings.requests_per_address);
    let routes = router.clone();
    router.layer(from_fn_with_state((settings, requests, routes), middleware))
}

async fn middleware(
    State((settings, requests, routes)): State<(EdgeSettings, AddressQuotas, Router)>,
    mut request: Request,
    next: Next,
) -> Response {
    let trace = Trace::from_headers(request.headers());
    let deadline = Deadline::after(settings.answer_within);
    let mut line = AccessLine::begin(&request, &trace);
    let allowed_origin = settings.cors.allowed(request.headers());
    let is_preflight = allowed_origin.is_some() && cors::is_preflight(&request);
    let mut refused = check_target(&request).err();
    let mut share = None;
    if let Some(peer) = request.extensions().get::<Peer>().copied() {
        let client = ClientAddress::resolve(peer, request.headers(), &settings.proxies);
        line.client = Some(client);
        request.extensions_mut().insert(client);
        match requests.acquire(client.key()) {
            Ok(taken) => share = Some(taken),
            Err(_) => refused = Some(Problem::too_many_requests(SHARE_RETRY)),
        }
    }
    request.extensions_mut().insert(trace.clone());
    request.extensions_mut().insert(deadline.clone());
    request.extensions_mut().insert(BodyWithin(settings.body_within));

    let span = tracing::info_span!("request", request_id = %trace.request_id(), trace_id = trace.given_trace_id());
    let answering =
        async { if is_preflight { cors::answer_preflight(routes, request).await } else { next.run(request).await } };
    let answer = match refused {
        Some(problem) => problem.into_response(),
        None => tokio::select! {
            answer = unpanicked(answering).instrument(span.clone()) => answer.unwrap_or_else(|_| {
                // Do not log the panic's message: it may quote the input.
                span.in_scope(|| tracing::error!(route = line.route(), "a handler panicked"));
                Problem::internal().into_response()
            }),
            () = deadline.passed() => too_late().into_response(),
        },
    };
    let mut answer = render(answer, &trace, &settings.base_path);
    prefix(&mut answer, &settings.base_path);
    set_security_headers(&mut answer, &trace, settings.hsts);
    set_realm(&mut answer, settings.realm);
    settings.cors.complete(&mut answer, allowed_origin);
    line.end(&answer);
    drop(share);
    answer
}

fn check_target(request: &Request) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        let title = "The request target is longer than 8,000 bytes";
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", title));
    }
    has_known_framing(request.headers())?;
    host::check(request.version(), request.uri(), request.headers())
}

/// Accepts `chunked`, once, as the only transfer coding (RFC 9112, section 6.1). hyper looks at the last coding alone
/// and would ignore those before it.
fn has_known_framing(headers: &HeaderMap) -> Result<(), Problem> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).into_iter();
    let is_chunked = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if is_chunked(coding) => Ok(()),
        _ => {
            let title = "The only supported transfer coding is chunked, once";
            Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "transfer_encoding_unsupported", title)
                .header(CONNECTION, HeaderValue::from_static("close")))
        }
    }
}

fn too_late() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "The request timed out")
        .detail("It is not known whether the request took effect.")
        .header(CONNECTION, HeaderValue::from_static("close"))
}

/// Turns a panic of the future into an error, so that a handler's bug does not end the connection.
async fn unpanicked<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|ctx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(ctx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Err(panic).into(),
    })
    .await
}

/// Prefixes the paths in `Location` and `Link` (RFC 9110, section 10.2.2; RFC 8288, section 3) with the path below
/// which a proxy serves all routes.
fn prefix(answer: &mut Response, base: &str) {
    if base.is_empty() {
        return;
    }
    for (name, begin) in [(LOCATION, ""), (LINK, "<")] {
        let below = |link: &str| {
            let path = link.strip_prefix(begin).filter(|path| path.starts_with('/') && !path.starts_with("//"));
            path.map_or_else(|| link.to_owned(), |path| format!("{begin}{base}{path}"))
        };
        // Several links are separated by commas. Their paths have none: they are percent-encoded.
        let value = answer.headers().get(&name).and_then(|value| value.to_str().ok());
        let value = value.map(|links| links.split(", ").map(below).collect::<Vec<_>>().join(", "));
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            answer.headers_mut().insert(name, value);
        }
    }
}

/// Sets the security headers of every response. Of these, a handler may only set `Cache-Control` and
/// `Content-Security-Policy` itself.
fn set_security_headers(answer: &mut Response, trace: &Trace, hsts: bool) {
    let headers = answer.headers_mut();
    headers.remove(SERVER);
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in
        [(CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox")]
    {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if hsts {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    if let Ok(id) = HeaderValue::from_str(&trace.request_id().to_string()) {
        headers.insert(X_REQUEST_ID, id);
    }
}

/// Completes each challenge, such as `Bearer error="invalid_token"`, by the realm (RFC 9110, section 11.6.1).
fn set_realm(answer: &mut Response, realm: &str) {
    let complete = |challenge: HeaderValue| {
        let text = challenge.to_str().ok()?;
        let text = match text.split_once(' ') {
            Some((scheme, parameters)) => format!("{scheme} realm=\"{realm}\", {parameters}"),
            None => format!("{text} realm=\"{realm}\""),
        };
        HeaderValue::from_str(&text).ok()
    };
    let headers = answer.headers_mut();
    if let axum::http::header::Entry::Occupied(challenges) = headers.entry(WWW_AUTHENTICATE) {
        let (_, challenges) = challenges.remove_entry_mult();
        for challenge in challenges.filter_map(complete).collect::<Vec<_>>() {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
    }
}

/// The beginning of a path, escaped to visible ASCII.
fn escaped(path: &str) -> String {
    path.bytes().flat_map(std::ascii::escape_default).map(char::from).take(LONGEST_LOGGED_PATH).collect()
}

/// The access log's line of one request, written on drop, also if the client hung up.
///
/// The client chooses nothing in the line but its trace id, and the path of a 404: no query, no header, no invented
/// method. The line of a failed or abandoned request has the problem's code and the client's address, so that attacks
/// can be seen (ASVS 16.3.3). The line of a successful request has no address.
struct AccessLine {
    method: &'static str,
    route: Option<MatchedPath>,
    uri: Uri,
    trace: Trace,
    begun: Instant,
    status: Option<StatusCode>,
    code: Option<&'static str>,
    client: Option<ClientAddress>,
}

impl AccessLine {
    fn begin(request: &Request, trace: &Trace) -> Self {
        let method = match *request.method() {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        let (status, code, client) = (None, None, None);
        let route = request.extensions().get::<MatchedPath>().cloned();
        let uri = request.uri().clone();
        Self { method, route, uri, trace: trace.clone(), begun: Instant::now(), status, code, client }
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("none", MatchedPath::as_str)
    }

    /// The path, if the response is a 404: without the path, a misconfigured client is hard to find.
    fn missed_path(&self) -> Option<String> {
        self.status.filter(|status| *status == StatusCode::NOT_FOUND).map(|_| escaped(self.uri.path()))
    }

    fn end(mut self, answer: &Response) {
        self.status = Some(answer.status());
        self.code = answer.extensions().get::<Problem>().map(Problem::code);
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        let is_served = self.status.is_some() && self.code.is_none();
        let outcome = if self.status.is_some() { "answered" } else { "the client hung up" };
        tracing::info!(
            target: "web::access",
            method = self.method,
            route = self.route(),
            path = self.missed_path(),
            status = self.status.map(|status| status.as_u16()),
            code = self.code,
            client = self.client.filter(|_| !is_served).map(|client| client.ip()).map(tracing::field::display),
            duration_ms = (self.begun.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            trace_id = self.trace.given_trace_id(),
            request_id = %self.trace.request_id(),
            "{outcome}"
        );
    }
}
