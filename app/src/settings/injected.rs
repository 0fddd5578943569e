//! Recognises the variables that Kubernetes sets in every container for each service of the namespace. They look like
//! settings if a service's name begins with roster. (Documentation of Kubernetes, "Service", "Environment variables".)

use std::net::{IpAddr, SocketAddr};

/// Whether a variable has both the name and the value of one that Kubernetes sets.
pub(super) fn is_injected(name: &str, value: &str) -> bool {
    if name.ends_with("_SERVICE_HOST") {
        return is_address(value);
    }
    if name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
        return is_port(value);
    }
    if name.ends_with("_PORT") && is_link(value) {
        return true;
    }
    // ROSTER_PORT_8000_TCP, and the same with _PROTO, _PORT and _ADDR. A service's name may contain _PORT_ itself.
    name.match_indices("_PORT_").any(|(at, separator)| {
        let mut parts = name[at + separator.len()..].split('_');
        let is_numbered = parts.next().is_some_and(is_port) && parts.next().is_some_and(is_protocol);
        is_numbered
            && match (parts.next(), parts.next()) {
                (None, _) => is_link(value),
                (Some("PROTO"), None) => is_protocol(value),
                (Some("PORT"), None) => is_port(value),
                (Some("ADDR"), None) => is_address(value),
                _ => false,
            }
    })
}

/// Such as `tcp://10.0.0.1:8000` or `tcp://[fd00::1]:8000`.
fn is_link(value: &str) -> bool {
    let Some((protocol, at)) = value.split_once("://") else { return false };
    // Old versions of Kubernetes wrote IPv6 addresses without brackets.
    let unbracketed = || at.rsplit_once(':').is_some_and(|(address, port)| is_address(address) && is_port(port));
    is_protocol(protocol) && (at.parse::<SocketAddr>().is_ok() || unbracketed())
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_protocol(text: &str) -> bool {
    ["TCP", "UDP", "SCTP"].iter().any(|protocol| text.eq_ignore_ascii_case(protocol))
}

#[cfg(test)]
mod tests {
    use super::is_injected;

    #[test]
    fn variables_of_kubernetes_are_recognised_by_name_and_value() {
        for (name, value) in [
            ("ROSTER_SERVICE_HOST", "10.0.0.1"),
            ("ROSTER_API_SERVICE_HOST", "fd00::1"),
            ("ROSTER_SERVICE_PORT", "80"),
            ("ROSTER_SERVICE_PORT_HTTP_8000", "80"),
            ("ROSTER_PORT", "tcp://10.0.0.1:80"),
            ("ROSTER_PORT", "tcp://[fd00::1]:80"),
            ("ROSTER_PORT", "tcp://fd00::1:80"),
            ("ROSTER_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("ROSTER_PORT_8000_TCP_PROTO", "tcp"),
            ("ROSTER_PORT_8000_TCP_PORT", "8000"),
            ("ROSTER_PORT_8000_TCP_ADDR", "10.0.0.1"),
            ("ROSTER_PORT_53_UDP", "udp://10.0.0.1:53"),
            ("ROSTER_PORT_PROXY_PORT_80_TCP_ADDR", "10.0.0.1"),
        ] {
            assert!(is_injected(name, value), "{name}={value}");
        }
    }

    #[test]
    fn similar_variables_are_not_recognised() {
        for (name, value) in [
            ("ROSTER_PORT", "9000"),
            ("ROSTER_PORT", "10.0.0.1:9000"),
            ("ROSTER_PORT", "tcp://roster:9000"),
            ("ROSTER_PORT", "http://10.0.0.1:80"),
            ("ROSTER_SERVICE_HOST", "db.example"),
            ("ROSTER_SERVICE_PORT", "http"),
            ("ROSTER_SERVICE_PORT_HTTP", ""),
            ("ROSTER_SERVICE_PORT", "0"),
            ("ROSTER_SERVICE_PORTS", "80"),
            ("ROSTER_PORT_8000", "tcp://10.0.0.1:8000"),
            ("ROSTER_PORT_8000_HTTP", "tcp://10.0.0.1:8000"),
            ("ROSTER_PORT_8000_TCP", "8000"),
            ("ROSTER_PORT_8000_TCP_PORT", "tcp"),
            ("ROSTER_PORT_8000_TCP_NAME", "tcp"),
            ("ROSTER_PORT_8000_TCP_ADDR_X", "10.0.0.1"),
            ("ROSTER_PORT_OF_CALL", "tcp://10.0.0.1:80"),
            ("ROSTER_LISTEN", "tcp://10.0.0.1:80"),
        ] {
            assert!(!is_injected(name, value), "{name}={value}");
        }
    }
}
