use crate::{CommandRequest, Fields, FormBody, Problem, Query, RequestBody as _};
use axum::{
    body::{Body, HttpBody as _},
    extract::{FromRequest, OptionalFromRequest, Request},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT},
    },
};
use http_body_util::BodyExt as _;
use std::time::Duration;
use zeroize::Zeroizing;

/// The largest body that is read, in bytes.
const LARGEST: usize = 64 * 1024;
/// The most bytes of a rejected body that are read and discarded. A client that is still sending when the connection
/// closes would see a reset instead of the response.
const DRAINED: usize = 1024 * 1024;

/// The media types of a body.
const JSON: [&str; 1] = ["application/json"];
/// The media types of a patch (RFC 5789), which is a merge patch (RFC 7396) under either name.
pub(crate) const PATCH: [&str; 2] = ["application/json", "application/merge-patch+json"];

/// The timeout of a request's body. The edge puts one into the extensions of every request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyWithin(pub(crate) Duration);

impl Default for BodyWithin {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        Self::from_json(&whole(request, &JSON).await?)
    }
}

impl Fields {
    /// Reads the body of a command. A command without fields needs no body.
    pub(crate) async fn of_command<R: CommandRequest>(request: Request) -> Result<Self, Problem> {
        if request.method() == Method::PATCH {
            return Self::from_json(&whole(request, &PATCH).await?);
        }
        if R::Body::EXISTS {
            return <Self as FromRequest<()>>::from_request(request, &()).await;
        }
        let given = <Self as OptionalFromRequest<()>>::from_request(request, &()).await?;
        given.map_or_else(|| Self::from_json(b"{}"), Ok)
    }
}

/// `None` without a body, and for an empty body that the headers announced.
impl<S: Send + Sync> OptionalFromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, Problem> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        match arrived(request, &JSON).await? {
            (_, Ok(bytes)) if bytes.is_empty() => Ok(None),
            (Some(problem), _) => Err(problem),
            (None, bytes) => Self::from_json(&bytes?).map(Some),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = whole(request, &["application/x-www-form-urlencoded"]).await?;
        // A form is ASCII. `%` stands for a body that is not UTF-8, so that `parse` rejects it as malformed.
        Query::parse(std::str::from_utf8(&body).unwrap_or("%")).map(Self)
    }
}

/// Reads the whole body, if it has one of these media types.
async fn whole(request: Request, media_types: &[&str]) -> Result<Zeroizing<Vec<u8>>, Problem> {
    match arrived(request, media_types).await? {
        (Some(problem), _) => Err(problem),
        (None, bytes) => bytes,
    }
}

/// Reads the whole body, and returns with it the problem of its type or its announced size.
async fn arrived(
    request: Request,
    media_types: &[&str],
) -> Result<(Option<Problem>, Result<Zeroizing<Vec<u8>>, Problem>), Problem> {
    let (parts, body) = request.into_parts();
    let BodyWithin(within) = parts.extensions.get().copied().unwrap_or_default();
    let unread = is_of(media_types, &parts.headers).and_then(|()| fits(&body)).err();
    // A client that sent `Expect: 100-continue` (RFC 9110, section 10.1.1) has not sent the body: nothing to drain.
    if let Some(problem) = unread.as_ref().filter(|_| parts.headers.contains_key(EXPECT)) {
        return Err(problem.clone());
    }
    let bytes = tokio::time::timeout(within, read(body)).await.unwrap_or_else(|_| Err(too_slow()));
    Ok((unread, bytes))
}

/// Checks the media type: only `charset=utf-8` may follow it, and the body must not be compressed, since a compressed
/// body can exceed the limit when it is unpacked.
pub(crate) fn is_of(media_types: &[&str], headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |code, title| {
        let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, title);
        Err(problem.detail(format!("Send {} in UTF-8, without compression.", media_types.join(" or "))))
    };
    let mut types = headers.get_all(CONTENT_TYPE).into_iter().map(HeaderValue::to_str);
    let (Some(Ok(given)), None) = (types.next(), types.next()) else {
        return refused("content_type_unsupported", "Send exactly one Content-Type header");
    };
    let (name, parameters) = given.split_once(';').unwrap_or((given, "charset=utf-8"));
    let (key, charset) = parameters.trim().split_once('=').unwrap_or_default();
    let is_utf8 = key.eq_ignore_ascii_case("charset")
        && ["utf-8", "\"utf-8\""].iter().any(|name| charset.eq_ignore_ascii_case(name));
    if !media_types.iter().any(|media_type| name.trim().eq_ignore_ascii_case(media_type)) || !is_utf8 {
        return refused("content_type_unsupported", "The media type or charset of the body is not supported");
    }
    if headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return refused("content_encoding_unsupported", "The body must not be compressed");
    }
    Ok(())
}

/// Whether a body that announces its size is small enough.
fn fits(body: &Body) -> Result<(), Problem> {
    if body.size_hint().lower() > LARGEST as u64 { Err(too_large()) } else { Ok(()) }
}

async fn read(mut body: Body) -> Result<Zeroizing<Vec<u8>>, Problem> {
    // Allocate once: a reallocation would leave copies behind that are never wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        LARGEST.min(usize::try_from(body.size_hint().upper().unwrap_or(u64::MAX)).unwrap_or(LARGEST)),
    ));
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| incomplete())?.into_data() else { continue };
        total += data.len();
        if total <= LARGEST {
            bytes.extend_from_slice(&data);
        } else if total > DRAINED {
            break;
        }
    }
    if total > LARGEST { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
        .detail("A body may have at most 64 KiB.")
        .header(CONNECTION, HeaderValue::from_static("close"))
}

pub(crate) fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "The body took too long to arrive")
        .header(CONNECTION, HeaderValue::from_static("close"))
}

pub(crate) fn incomplete() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", "The body ended early, or its chunks are malformed")
        .header(CONNECTION, HeaderValue::from_static("close"))
}
