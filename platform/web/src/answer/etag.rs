use axum::http::{
    HeaderMap, HeaderValue,
    header::{IF_MATCH, IF_NONE_MATCH},
};
use std::hash::{DefaultHasher, Hasher as _};

/// A strong entity tag (RFC 9110, section 8.8.3), which identifies one version of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a body, by a hash of its bytes. The hash is not cryptographic.
    #[must_use]
    pub fn of_content(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self(format!("\"{:016x}\"", hasher.finish()))
    }

    /// The tag of a resource that counts its versions.
    #[must_use]
    pub fn version(version: u64) -> Self {
        Self(format!("\"{version}\""))
    }

    /// The value of the header `ETag`.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        // The fallback is never used: the text has only quotes and digits.
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("\"\""))
    }

    /// Whether `If-None-Match` names this version: the client has it already and gets 304.
    #[must_use]
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        // Weak comparison (RFC 9110, section 13.1.2).
        self.is_in(headers, IF_NONE_MATCH, |tag| tag.strip_prefix("W/").unwrap_or(tag))
    }

    /// Whether `If-Match` names another version: the client gets 412.
    #[must_use]
    pub fn is_refused_by(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(IF_MATCH) && !self.is_in(headers, IF_MATCH, |tag| tag)
    }

    fn is_in(&self, headers: &HeaderMap, name: axum::http::HeaderName, form: impl Fn(&str) -> &str) -> bool {
        let values = headers.get_all(name);
        let tags = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        tags.map(str::trim).any(|tag| tag == "*" || form(tag) == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ETag;
    use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn if_none_match_with_the_current_version_is_recognised() {
        let tag = ETag::version(7);
        for value in ["\"7\"", "W/\"7\"", "\"6\", \"7\"", "*"] {
            assert!(tag.is_known_to(&with(header::IF_NONE_MATCH, value)), "{value}");
        }
        for value in ["\"8\"", "7", ""] {
            assert!(!tag.is_known_to(&with(header::IF_NONE_MATCH, value)), "{value}");
        }
        assert!(!tag.is_known_to(&HeaderMap::new()));
    }

    #[test]
    fn if_match_with_another_version_is_rejected() {
        let tag = ETag::version(7);
        assert!(tag.is_refused_by(&with(header::IF_MATCH, "\"8\"")));
        assert!(tag.is_refused_by(&with(header::IF_MATCH, "W/\"7\"")), "a weak tag never matches strongly");
        assert!(!tag.is_refused_by(&with(header::IF_MATCH, "\"8\", \"7\"")));
        assert!(!tag.is_refused_by(&with(header::IF_MATCH, "*")));
        assert!(!tag.is_refused_by(&HeaderMap::new()));
    }

    #[test]
    fn different_bytes_have_different_tags() {
        assert_eq!(ETag::of_content(b"one"), ETag::of_content(b"one"));
        assert_ne!(ETag::of_content(b"one"), ETag::of_content(b"two"));
        assert_eq!(ETag::of_content(b"one").header().len(), 18);
    }
}
