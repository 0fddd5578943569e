use crate::Problem;
use axum::http::{
    HeaderMap, HeaderValue, StatusCode, Uri, Version,
    header::{CONNECTION, HOST},
};

/// Rejects a request without exactly one valid `Host` (RFC 9112, section 3.2), because a proxy and the service might read
/// such a request differently. HTTP/1.0 may omit the header.
///
/// The service does not use the host otherwise: links are paths, below the path of the configured public URL.
pub(crate) fn check(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(HOST).into_iter();
    let well_formed = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_host),
        (None, None) => version <= Version::HTTP_10,
        _ => false,
    };
    // A target in absolute form names the host itself (RFC 9112, section 3.2.2).
    if well_formed && uri.authority().is_none_or(|authority| is_host(authority.as_str())) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::BAD_REQUEST, "host_invalid", "The request must have exactly one valid Host header")
        .header(CONNECTION, HeaderValue::from_static("close")))
}

/// `host` or `host:port`, where the host is a name, an IPv4 address or an IPv6 address in brackets.
pub(crate) fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    let is_port = port.is_empty() || port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_name = |name: &str| {
        !name.is_empty() && name.len() <= 255 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    is_port && v6.map_or_else(|| is_name(host), |v6| v6.parse::<std::net::Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for host in ["example.org", "a_b.example", "localhost:8000", "127.0.0.1:8000", "[::1]", "[::1]:8000", "x:"] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "", ":", ":80", "a b", "a/b", "a@b", "a:b", "a:99999", "a:+1", "::1", "[::1", "[x]", "[::1]x", "a:80:80",
            "a,b", "é", "[::1]]", "[]",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }
}
