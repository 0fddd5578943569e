//! Parses `ROSTER_LISTEN`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

/// The address when the host is left out. It is not reachable over a network.
const DEFAULT_HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const FORMS: &str = "must be an address and a port such as 127.0.0.1:8000, [::1]:8000 or localhost:8000, or a port \
                     alone; port 0 means any free port";

/// Parses an address and a port (`127.0.0.1:9000`, `[::1]:9000`), a host name and a port, or a port alone (`9000`,
/// `:9000`), which means 127.0.0.1. Of a name's addresses, the first IPv4 address is used, or else the first.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    // Rust's `parse` accepts `+9000`; this does not.
    let port = Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit())).and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or(FORMS)?;
    if host.is_empty() {
        return Ok(SocketAddr::new(DEFAULT_HOST, port));
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return Err("must have an IPv6 address in brackets, such as [::1]:8000".to_owned());
    }
    if !is_host_name(host) {
        return Err(FORMS.to_owned());
    }
    if host.trim_end_matches('.').eq_ignore_ascii_case("localhost") {
        return Ok(SocketAddr::new(DEFAULT_HOST, port));
    }
    let found =
        (host, port).to_socket_addrs().map_err(|_| "has a host name that has no address on this machine".to_owned())?;
    let found: Vec<_> = found.collect();
    let chosen = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
    chosen.copied().ok_or_else(|| "has a host name that has no address on this machine".to_owned())
}

/// Whether the text is a host name: labels of letters, digits, hyphens and underscores. The last label must not begin
/// with a digit, since the system would read `127.1` and `0x7f000001` as addresses.
fn is_host_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let last = host.rsplit('.').next().unwrap_or_default();
    host.split('.').all(is_label) && !last.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::listen;

    #[test]
    fn an_address_a_name_or_a_port_alone_is_accepted() {
        for (text, at) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:9000", "[::1]:9000"),
            ("[::]:9000", "[::]:9000"),
            ("9000", "127.0.0.1:9000"),
            (":9000", "127.0.0.1:9000"),
            ("0", "127.0.0.1:0"),
            ("localhost:9000", "127.0.0.1:9000"),
            ("LocalHost.:9000", "127.0.0.1:9000"),
        ] {
            assert_eq!(listen(text).map(|at| at.to_string()).as_deref(), Ok(at), "{text}");
        }
    }

    #[test]
    fn a_value_without_a_valid_port_and_host_is_refused() {
        for text in [
            "",
            ":",
            "canary",
            "localhost",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:99999",
            "127.0.0.1:+9000",
            "+9000",
            "-1",
            "65536",
            "127.1:9000",
            "0x7f000001:9000",
            "256.0.0.1:9000",
            "http://127.0.0.1:9000",
            "*:9000",
            "a b:9000",
            "a..b:9000",
            "[localhost]:9000",
            "[::1]",
            "127.0.0.1:9000/",
        ] {
            assert!(listen(text).is_err_and(|why| why.contains("must be")), "{text}");
        }
        assert!(listen("::1:9000").is_err_and(|why| why.contains("in brackets")));
        assert!(listen("no-such-host.invalid:9000").is_err_and(|why| why.contains("has no address")));
    }
}
