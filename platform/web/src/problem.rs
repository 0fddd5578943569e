use crate::Trace;
use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, RETRY_AFTER, TRANSFER_ENCODING},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::{borrow::Cow, time::Duration};
use utoipa::{PartialSchema, ToSchema, openapi};

/// The media type of a problem (RFC 9457, section 3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request is refused or failed (RFC 9457).
///
/// It never says anything of the input: titles and codes are constants, details and messages are
/// written by Roster. It travels as an extension of the response and is written out by
/// [`edge`](crate::edge()), which alone knows the trace.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Option<Cow<'static, str>>,
    violations: Vec<Violation>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One thing wrong with the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Violation {
    /// Where: a JSON pointer into the body (RFC 6901), or `?name` for a parameter of the query.
    #[schema(example = "/email")]
    pub pointer: String,
    /// A stable `snake_case` code.
    #[schema(example = "email_invalid")]
    pub code: &'static str,
    /// A sentence for people.
    #[schema(example = "must be an email address such as name@example.org")]
    pub message: String,
}

impl Violation {
    /// A violation.
    pub fn new(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, message: message.into() }
    }
}

impl Problem {
    /// A problem with its HTTP status, a stable `snake_case` code and a short summary that is the
    /// same every time.
    #[must_use]
    pub const fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, violations: Vec::new(), headers: Vec::new() }
    }

    /// 404: there is no such thing, or it is not yours to know.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing")
    }

    /// 422: it could be read, and is refused for these reasons.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", "The request is not valid")
            .violations(violations)
    }

    /// 429: this client has its share. Worth another try after `wait`.
    #[must_use]
    pub fn too_many_requests(wait: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests").retry_after(wait)
    }

    /// 503: something that is needed does not answer now. Worth another try after `wait`.
    #[must_use]
    pub fn unavailable(wait: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now").retry_after(wait)
    }

    /// 500: a fault of Roster's. Whoever answers with it has logged why.
    #[must_use]
    pub const fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here")
    }

    /// What is special about this time. It MUST NOT quote the input.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Everything that is wrong with the input.
    #[must_use]
    pub fn violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }

    /// When to try again (RFC 9110, section 10.2.3), in whole seconds, rounded up, at least one.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_nanos().div_ceil(1_000_000_000).clamp(1, u128::from(u32::MAX));
        self.header(RETRY_AFTER, HeaderValue::from(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Its HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Its stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong with the input.
    #[must_use]
    pub fn errors(&self) -> &[Violation] {
        &self.violations
    }

    /// The answer as OpenAPI describes it, for one status of an operation. The document needs
    /// [`Problem`]'s schema among its components.
    #[must_use]
    pub fn response(description: &str) -> openapi::Response {
        let content = openapi::ContentBuilder::new().schema(Some(openapi::Ref::from_schema_name("Problem"))).build();
        openapi::ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build()
    }

    /// The problem of an error that did not come as one: axum's own refusals.
    fn with_status(status: StatusCode) -> Self {
        let (code, title) = match status {
            StatusCode::UNAUTHORIZED => ("unauthenticated", "Sign in first"),
            StatusCode::FORBIDDEN => ("forbidden", "You may not do that"),
            StatusCode::NOT_FOUND => return Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "This resource does not offer that method"),
            StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "The body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("content_type_unsupported", "The body is of an unsupported type"),
            StatusCode::TOO_MANY_REQUESTS => ("too_many_requests", "Too many requests"),
            StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "Not available now"),
            status if status.is_server_error() => return Self { status, ..Self::internal() },
            _ => ("bad_request", "The request cannot be understood"),
        };
        Self::new(status, code, title)
    }

    fn body(&self, trace: &Trace, base: &str) -> Body<'_> {
        Body {
            r#type: format!("{base}/problems/{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            instance: trace.request_id().urn().to_string(),
            code: self.code,
            trace_id: trace.trace_id().to_owned(),
            errors: &self.violations,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let headers: HeaderMap = self.headers.iter().cloned().collect();
        let mut answer = (self.status, headers).into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}

/// Marks an answer of status 4xx or 5xx whose body is meant as it is, and no problem: a report.
#[derive(Debug, Clone, Copy)]
pub struct NotAProblem;

/// Writes a problem out; turns any other error into one, so that nothing a framework says leaves.
pub(crate) fn render(answer: Response, trace: &Trace, base: &str) -> Response {
    let status = answer.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || answer.extensions().get::<NotAProblem>().is_some() {
        return answer;
    }
    let (mut parts, _) = answer.into_parts();
    let problem = parts.extensions.remove::<Problem>().unwrap_or_else(|| Problem::with_status(status));
    for name in [CONTENT_LENGTH, CONTENT_ENCODING, ETAG, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    // Texts and numbers only: that cannot fail, and if it did, the status and the code's absence say enough.
    let body = serde_json::to_vec(&problem.body(trace, base)).unwrap_or_default();
    // For the log.
    parts.extensions.insert(problem);
    Response::from_parts(parts, body.into())
}

/// Why a request was refused or failed (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "type": "/problems/invalid_request",
    "title": "The request is not valid",
    "status": 422,
    "instance": "urn:uuid:5f0c7e0a-6d5c-4f6e-8a43-0d2f0c7a9b11",
    "code": "invalid_request",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "errors": [{
        "pointer": "/email",
        "code": "email_invalid",
        "message": "must be an email address such as name@example.org",
    }],
}))]
struct Body<'a> {
    /// Identifies the kind of problem, and explains it: a page for people, JSON for programs.
    #[schema(format = "uri-reference")]
    r#type: String,
    /// The kind of problem in a few words.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is special about this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'a str>,
    /// This very answer: the same id as in its header `X-Request-Id`.
    #[schema(format = "uri")]
    instance: String,
    /// The kind of problem for programs. Stable.
    code: &'a str,
    /// The trace that the request belongs to (W3C Trace Context).
    #[schema(pattern = "^[0-9a-f]{32}$")]
    trace_id: String,
    /// Everything that is wrong with the input.
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Violation],
}

impl PartialSchema for Problem {
    fn schema() -> openapi::RefOr<openapi::Schema> {
        Body::schema()
    }
}

impl ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, openapi::RefOr<openapi::Schema>)>) {
        Body::schemas(schemas);
    }
}
