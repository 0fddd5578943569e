use crate::edge::host::is_host;
use std::str::FromStr;
use std::sync::Arc;

/// The URL by which clients reach the service: an origin, and the path below which a proxy serves it, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    url: Arc<str>,
    path_at: usize,
}

/// The text is not a public URL. The error does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a URL such as https://example.org or https://example.org/accounts, without a query")]
pub struct NotAPublicUrl;

impl PublicUrl {
    /// The whole URL, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The origin alone, such as `https://example.org`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.url[..self.path_at]
    }

    /// The path alone: empty, or for example `/accounts`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.url[self.path_at..]
    }
}

impl FromStr for PublicUrl {
    type Err = NotAPublicUrl;

    fn from_str(text: &str) -> Result<Self, NotAPublicUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAPublicUrl)?;
        let scheme = ["https", "http"].into_iter().find(|it| scheme.eq_ignore_ascii_case(it)).ok_or(NotAPublicUrl)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
        if !is_host(host) || path.is_some_and(|path| !path.split('/').all(is_segment)) {
            return Err(NotAPublicUrl);
        }
        let origin = format!("{scheme}://{}", host.to_ascii_lowercase());
        let path = path.map(|path| format!("/{path}")).unwrap_or_default();
        Ok(Self { path_at: origin.len(), url: (origin + &path).into() })
    }
}

/// Whether the text is a path segment (RFC 3986, section 3.3) other than `.` and `..`, which clients resolve.
fn is_segment(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::{NotAPublicUrl, PublicUrl};

    #[test]
    fn a_public_url_is_an_origin_with_or_without_a_path() {
        for (text, url, path) in [
            ("https://example.org", "https://example.org", ""),
            ("https://example.org/", "https://example.org", ""),
            ("HTTPS://Example.org:8443/accounts", "https://example.org:8443/accounts", "/accounts"),
            ("http://[::1]:80/a/b/", "http://[::1]:80/a/b", "/a/b"),
        ] {
            let parsed: PublicUrl = text.parse().expect(text);
            assert_eq!((parsed.as_str(), parsed.path()), (url, path));
            assert_eq!(format!("{}{path}", parsed.origin()), url);
        }
    }

    #[test]
    fn any_other_text_is_rejected_as_a_public_url() {
        for text in [
            "",
            "example.org",
            "/accounts",
            "https://",
            "https:///accounts",
            "ftp://example.org",
            "https://user:secret@example.org",
            "https://example.org?x",
            "https://example.org/a?x=1",
            "https://example.org/a#b",
            "https://example.org//a",
            "https://example.org/a//",
            "https://example.org/../a",
            "https://example.org/a b",
            "https://example.org/<a>",
            "https://exämple.org",
            " https://example.org",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(NotAPublicUrl), "{text}");
        }
    }
}
