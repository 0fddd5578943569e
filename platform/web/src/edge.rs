use crate::address_quotas::AddressQuotas;
use crate::{ClientAddress, Deadline, Peer, Problem, Proxies, Trace, body::BodyWithin, host, problem::render};
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{
            CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, LINK, LOCATION, REFERRER_POLICY, SERVER,
            STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
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
/// How much of a path that does not exist is logged, in characters.
const LONGEST_LOGGED_PATH: usize = 200;
/// When a client that has too many requests under way may come back.
const SHARE_RETRY: Duration = Duration::from_secs(1);
/// The id of the request, on every answer.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What the edge is told.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// How long a handler may take. A handler that waits on purpose asks for more
    /// ([`Deadline::extend`]). A body that is streamed does not count.
    pub answer_within: Duration,
    /// How long a request's body may take to arrive.
    pub body_within: Duration,
    /// Whether clients reach Roster by TLS only, and may be told so (HSTS, RFC 6797).
    pub hsts: bool,
    /// The proxies that may say who the client is.
    pub proxies: Proxies,
    /// The path below which a proxy serves all routes, such as `/accounts`; empty where there is none.
    pub base_path: String,
    /// How many requests of one client may be under way at once. Without a proxy its connections bound them already.
    pub requests_per_address: usize,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(30),
            body_within: Duration::from_secs(10),
            hsts: false,
            proxies: Proxies::default(),
            base_path: String::new(),
            requests_per_address: 2_000,
        }
    }
}

/// Puts the edge around every route: what each request must be, and what each answer is.
///
/// A request has one [`Trace`], one [`Deadline`], one [`ClientAddress`], one valid Host and a target of at most 8,000
/// bytes. An answer has the headers of `security.md`; it is a [`Problem`] if it is an error, also
/// when a handler panics or takes too long; it leaves one line in the log.
pub fn edge(router: Router, settings: EdgeSettings) -> Router {
    let requests = AddressQuotas::new(usize::MAX, settings.requests_per_address);
    router.layer(from_fn_with_state((settings, requests), middleware))
}

async fn middleware(
    State((settings, requests)): State<(EdgeSettings, AddressQuotas)>,
    mut request: Request,
    next: Next,
) -> Response {
    let trace = Trace::from_headers(request.headers());
    let deadline = Deadline::after(settings.answer_within);
    let mut line = AccessLine::begin(&request, &trace);
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
    let answer = match refused {
        Some(problem) => problem.into_response(),
        None => tokio::select! {
            answer = unpanicked(next.run(request)).instrument(span.clone()) => answer.unwrap_or_else(|_| {
                // The panic's own message may hold anything, input included: it is not passed on.
                span.in_scope(|| tracing::error!(route = line.route(), "a handler panicked"));
                Problem::internal().into_response()
            }),
            () = deadline.passed() => too_late().into_response(),
        },
    };
    let mut answer = render(answer, &trace, &settings.base_path);
    prefix(&mut answer, &settings.base_path);
    set_security_headers(&mut answer, &trace, settings.hsts);
    line.end(&answer);
    drop(share);
    answer
}

fn check_target(request: &Request) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        let title = "The target of the request is too long";
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", title));
    }
    has_known_framing(request.headers())?;
    host::check(request.version(), request.uri(), request.headers())
}

/// `chunked`, once, is the only transfer coding that is understood (RFC 9112, section 6.1). hyper looks at the last
/// one alone, and the codings before it would be passed over.
fn has_known_framing(headers: &HeaderMap) -> Result<(), Problem> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).into_iter();
    let is_chunked = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if is_chunked(coding) => Ok(()),
        _ => {
            let title = "The only transfer coding that is understood is chunked, once";
            Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "transfer_encoding_unsupported", title)
                .header(CONNECTION, HeaderValue::from_static("close")))
        }
    }
}

fn too_late() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "The answer took too long")
        .detail("Whether the request took effect is not known.")
        .header(CONNECTION, HeaderValue::from_static("close"))
}

/// A future whose panic is an error: one handler's fault is not the connection's.
async fn unpanicked<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|ctx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(ctx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Err(panic).into(),
    })
    .await
}

/// Where a proxy serves all routes below a path, the paths in headers have it, too (RFC 9110, section 10.2.2;
/// RFC 8288, section 3).
fn prefix(answer: &mut Response, base: &str) {
    if base.is_empty() {
        return;
    }
    for (name, begin) in [(LOCATION, ""), (LINK, "<")] {
        let path = answer.headers().get(&name).and_then(|value| value.to_str().ok()?.strip_prefix(begin));
        let below = path.filter(|path| path.starts_with('/') && !path.starts_with("//"));
        if let Some(Ok(value)) = below.map(|path| HeaderValue::try_from(format!("{begin}{base}{path}"))) {
            answer.headers_mut().insert(name, value);
        }
    }
}

/// The headers of every answer. A handler may set its own `Cache-Control` and
/// `Content-Security-Policy`, and nothing else of these.
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

/// The beginning of a path, in visible ASCII.
fn escaped(path: &str) -> String {
    path.bytes().flat_map(std::ascii::escape_default).map(char::from).take(LONGEST_LOGGED_PATH).collect()
}

/// One line in the log for one request, also for one whose client hung up. Nothing of it is
/// chosen by the client but the trace id, and the path of what does not exist: no query, no header,
/// no invented method. An error says which, and from where the request came: that is how attempts are
/// seen (ASVS 16.3.3), those of a client that hangs up included. A request that succeeds leaves no address.
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

    /// What was not found: a client that asks for the wrong path is told nothing else that helps.
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
