use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use std::convert::Infallible;

/// The language that a client prefers: the first tag of `Accept-Language` (RFC 9110, section 12.5.4) without its
/// subtags, such as `de`. `None` if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language(pub Option<String>);

impl Language {
    /// Reads a language tag, or the value of `Accept-Language`. Weights are ignored: clients list the preferred language
    /// first.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let tag = text.split([',', ';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_tag = (2..=3).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_lowercase());
        Self(is_tag.then_some(tag))
    }

    /// The language of the request with this head.
    pub(crate) fn of(parts: &Parts) -> Self {
        let given = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        given.map_or(Self(None), Self::parse)
    }
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn the_first_tag_counts_without_subtags_and_weights() {
        for (text, language) in [
            ("de", Some("de")),
            ("de-CH,de;q=0.9,en;q=0.8", Some("de")),
            ("EN;q=0.5", Some("en")),
            ("gsw", Some("gsw")),
            ("", None),
            ("*", None),
            ("../../etc", None),
            ("x", None),
        ] {
            assert_eq!(Language::parse(text).0.as_deref(), language, "{text}");
        }
    }
}
