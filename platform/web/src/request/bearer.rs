use crate::Problem;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use kernel::Secret;
use std::sync::Arc;

/// The longest token that is accepted, in bytes.
const LONGEST_TOKEN: usize = 4_096;

/// A request with a bearer token, whose sender can be authenticated again at any time. A token that is valid when the
/// head arrives may be invalid when the body has arrived, or after a wait.
///
/// As an extractor it answers 401 without a token; as an optional extractor it then is `None`. It does not validate the
/// token; [`sender`](Self::sender) does.
#[derive(Debug, Clone)]
pub struct Bearer(Arc<Parts>);

impl Bearer {
    /// Authenticates the sender at this moment, by one read of the database, as the extractor `S` does.
    ///
    /// # Errors
    /// As the extractor `S`.
    pub async fn sender<S: FromRequestParts<(), Rejection = Problem>>(&self) -> Result<S, Problem> {
        let mut parts = Parts::clone(&self.0);
        S::from_request_parts(&mut parts, &()).await
    }

    /// The head of the request.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        bearer_token(parts)?.ok_or_else(Problem::unauthenticated)?;
        Ok(Self(Arc::new(parts.clone())))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok((!matches!(bearer_token(parts), Ok(None))).then(|| Self(Arc::new(parts.clone()))))
    }
}

/// The bearer token, if the request has one. A value of another scheme, such as a proxy's Basic, is ignored. Two values
/// are rejected: a proxy might read another one than the service does.
///
/// # Errors
/// 401 for a header without a token, or with one that is too long.
pub fn bearer_token(parts: &Parts) -> Result<Option<Secret>, Problem> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).into_iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    if second.is_some() {
        return Err(Problem::invalid_token());
    }
    let scheme = value.as_bytes().split(u8::is_ascii_whitespace).next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let text = value.to_str().map_err(|_| Problem::invalid_token())?;
    let token = text.split_once(' ').map_or("", |(_, token)| token.trim_matches(' '));
    if token.is_empty() || token.len() > LONGEST_TOKEN {
        return Err(Problem::invalid_token());
    }
    Ok(Some(Secret::new(token.to_owned())))
}

impl Problem {
    /// 401 with the header `WWW-Authenticate`, which RFC 9110, section 15.5.2, requires.
    #[must_use]
    pub fn unauthorized(code: &'static str, title: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, title)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 401: the request has no token.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::unauthorized("unauthenticated", "Sign in first")
    }

    /// 401: the token is invalid. The problem is the same for every reason (RFC 6750, section 3.1).
    #[must_use]
    pub fn invalid_token() -> Self {
        const CHALLENGE: &str = "Bearer error=\"invalid_token\"";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", "The token is invalid or has expired")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE))
    }

    /// 403: the caller may not do that.
    #[must_use]
    pub const fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "You may not do that")
    }
}
