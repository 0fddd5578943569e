use crate::Trace;
use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, RETRY_AFTER, TRANSFER_ENCODING},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, time::Duration};
use utoipa::{PartialSchema, ToSchema, openapi};

/// The media type of a problem (RFC 9457, section 3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The error response of a request that was rejected or has failed (RFC 9457).
///
/// A problem never quotes the input: titles and codes are constants, and the code writes the details and messages.
/// The response carries it as an extension; the [`edge`](crate::edge()), which knows the trace, serialises it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Option<Cow<'static, str>>,
    violations: Vec<Violation>,
    /// Boxed, because few problems have any, and results stay small.
    members: Option<Box<Members>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The members of one kind of problem alone.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
struct Members(BTreeMap<&'static str, Value>);

/// One violation of the rules for a request's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Violation {
    /// Where the violation is: a JSON pointer into the body (RFC 6901), or `?name` for a query parameter. Empty for the
    /// whole body.
    #[schema(example = "/email")]
    pub pointer: String,
    /// A stable `snake_case` code.
    #[schema(example = "email_invalid")]
    pub code: &'static str,
    /// A description for people.
    #[schema(example = "must be an email address such as name@example.org")]
    pub message: String,
}

impl Violation {
    /// Creates a violation. The message MUST NOT quote the input.
    pub fn new(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, message: message.into() }
    }

    /// The violation as a sentence for a page, such as `The password must be longer.`
    #[must_use]
    pub fn sentence(&self) -> String {
        let field = self.pointer.trim_start_matches(['/', '?']).replace('_', " ");
        if field.is_empty() { format!("It {}.", self.message) } else { format!("The {field} {}.", self.message) }
    }
}

impl Problem {
    /// Creates a problem with an HTTP status, a stable `snake_case` code, and a title that is constant for the code.
    #[must_use]
    pub const fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, violations: Vec::new(), members: None, headers: Vec::new() }
    }

    /// 404: the resource does not exist, or the caller may not know that it exists.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found")
    }

    /// 422: the request is well-formed, but violates these rules.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", "The request is not valid")
            .violations(violations)
    }

    /// 429: the client has exceeded a limit. It may retry after `wait`.
    #[must_use]
    pub fn too_many_requests(wait: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests").retry_after(wait)
    }

    /// 503: the server cannot serve the request now. The client may retry after `wait`.
    #[must_use]
    pub fn unavailable(wait: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable").retry_after(wait)
    }

    /// 500: a fault of the server. The caller of this function has logged the cause.
    #[must_use]
    pub const fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error")
    }

    /// Adds an explanation of this occurrence. It MUST NOT quote the input.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a member of its own (RFC 9457, section 3.2).
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.get_or_insert_default().0.insert(name, value.into());
        self
    }

    /// Sets the violations of the input.
    #[must_use]
    pub fn violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }

    /// Adds `Retry-After` (RFC 9110, section 10.2.3) in whole seconds, rounded up, at least one.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_nanos().div_ceil(1_000_000_000).clamp(1, u128::from(u32::MAX));
        self.header(RETRY_AFTER, HeaderValue::from(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The title, which is constant for the code.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// The violations of the input.
    #[must_use]
    pub fn errors(&self) -> &[Violation] {
        &self.violations
    }

    /// The OpenAPI description of a problem response. The document MUST have the schema of [`Problem`] among its
    /// components.
    #[must_use]
    pub fn response(description: &str) -> openapi::Response {
        let content = openapi::ContentBuilder::new().schema(Some(openapi::Ref::from_schema_name("Problem"))).build();
        openapi::ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build()
    }

    /// The problem for an error response of axum itself.
    fn with_status(status: StatusCode) -> Self {
        let (code, title) = match status {
            StatusCode::UNAUTHORIZED => ("unauthenticated", "Sign in first"),
            StatusCode::FORBIDDEN => ("forbidden", "You may not do that"),
            StatusCode::NOT_FOUND => return Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "This resource does not support that method"),
            StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "The body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("content_type_unsupported", "The media type of the body is not supported")
            }
            StatusCode::TOO_MANY_REQUESTS => ("too_many_requests", "Too many requests"),
            StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "Temporarily unavailable"),
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
            members: &self.members,
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

/// An extension that marks a 4xx or 5xx response whose body is not a problem, such as a health report.
#[derive(Debug, Clone, Copy)]
pub struct NotAProblem;

/// Serialises the problem of an error response. An error without a problem becomes one, so that no text of a framework
/// reaches the client.
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
    // Serialising texts and numbers cannot fail.
    let body = serde_json::to_vec(&problem.body(trace, base)).unwrap_or_default();
    // The access log reads the problem's code from here.
    parts.extensions.insert(problem);
    Response::from_parts(parts, body.into())
}

/// Why a request was rejected or has failed (RFC 9457).
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
    /// The kind of problem, as the path of its explanation. The server answers it with HTML for people, or JSON
    /// for programs.
    #[schema(format = "uri-reference")]
    r#type: String,
    /// The kind of problem in a few words.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// An explanation of this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'a str>,
    /// The id of the request, as in the header `X-Request-Id`.
    #[schema(format = "uri")]
    instance: String,
    /// The kind of problem, as a stable code for programs.
    code: &'a str,
    /// The trace id of the request (W3C Trace Context).
    #[schema(pattern = "^[0-9a-f]{32}$")]
    trace_id: String,
    /// Every violation of the input.
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Violation],
    #[serde(flatten)]
    #[schema(ignore)]
    members: &'a Option<Box<Members>>,
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
