use axum::http::{HeaderMap, HeaderValue, header::IF_NONE_MATCH};
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
        let values = headers.get_all(IF_NONE_MATCH);
        let tags = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        // Weak comparison (RFC 9110, section 13.1.2).
        tags.map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ETag;
    use axum::http::{HeaderMap, HeaderValue, header::IF_NONE_MATCH};

    fn if_none_match(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))])
    }

    #[test]
    fn if_none_match_with_the_current_version_is_recognised() {
        let tag = ETag::version(7);
        for value in ["\"7\"", "W/\"7\"", "\"6\", \"7\"", "*"] {
            assert!(tag.is_known_to(&if_none_match(value)), "{value}");
        }
        for value in ["\"8\"", "7", ""] {
            assert!(!tag.is_known_to(&if_none_match(value)), "{value}");
        }
        assert!(!tag.is_known_to(&HeaderMap::new()));
    }

    #[test]
    fn different_bytes_have_different_tags() {
        assert_eq!(ETag::of_content(b"one"), ETag::of_content(b"one"));
        assert_ne!(ETag::of_content(b"one"), ETag::of_content(b"two"));
        assert_eq!(ETag::of_content(b"one").header().len(), 18);
    }
}
