use crate::Problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;

/// The versions of a resource that the client accepts, from `If-Match` (RFC 9110, section 13.1.1). `None` without the
/// header, and for `*`.
///
/// Only the tags of [`ETag::version`](crate::ETag::version) name a version. Other tags match nothing, weak ones
/// included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(pub Option<Vec<i64>>);

impl IfMatch {
    /// The problem of a request whose `If-Match` does not name the present version.
    #[must_use]
    pub fn failed() -> Problem {
        Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", "The resource has changed")
            .detail("If-Match does not name the present version: read the resource again.")
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let values = parts.headers.get_all(IF_MATCH);
        if values.iter().next().is_none() {
            return Ok(Self(None));
        }
        let tags: Vec<_> = values.iter().flat_map(|value| value.to_str().unwrap_or_default().split(',')).collect();
        if tags.iter().any(|tag| tag.trim() == "*") {
            return Ok(Self(None));
        }
        let version = |tag: &str| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        Ok(Self(Some(tags.into_iter().filter_map(version).collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::IfMatch;
    use axum::extract::FromRequestParts as _;
    use axum::http::Request;

    async fn read(values: &[&str]) -> Option<Vec<i64>> {
        let request = values.iter().fold(Request::builder(), |request, value| request.header("if-match", *value));
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        IfMatch::from_request_parts(&mut parts, &()).await.expect("never refused").0
    }

    #[tokio::test]
    async fn versions_are_read_and_other_tags_match_nothing() {
        assert_eq!(read(&[]).await, None);
        assert_eq!(read(&["*"]).await, None);
        assert_eq!(read(&["\"7\""]).await, Some(vec![7]));
        assert_eq!(read(&["\"6\", \"7\"", "\"8\""]).await, Some(vec![6, 7, 8]));
        for value in ["W/\"7\"", "7", "\"0123abcd\"", "\"", ""] {
            assert_eq!(read(&[value]).await, Some(Vec::new()), "{value}");
        }
    }
}
