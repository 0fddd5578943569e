use super::{ClientAddress, X_FORWARDED_FOR};
use crate::{Peer, Proxies};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

const PROXIES: &str = "10.0.0.0/8, 2001:db8:1::/48";

/// The client's address, given the peer, the trusted proxies and the lines of `X-Forwarded-For`.
fn client(peer: &str, proxies: &str, lines: &[&[u8]]) -> ClientAddress {
    let lines = lines.iter().map(|line| (X_FORWARDED_FOR, HeaderValue::from_bytes(line).expect("a header")));
    let peer = Peer(format!("{peer}:7").parse().expect("an address"));
    ClientAddress::resolve(peer, &lines.collect(), &proxies.parse().expect("proxies"))
}

fn ip(peer: &str, proxies: &str, lines: &[&[u8]]) -> String {
    client(peer, proxies, lines).ip().to_string()
}

#[test]
fn without_a_trusted_proxy_the_header_is_ignored() {
    assert_eq!(ip("192.0.2.1", "", &[b"198.51.100.7"]), "192.0.2.1");
    assert_eq!(ip("192.0.2.1", PROXIES, &[b"198.51.100.7"]), "192.0.2.1");
    assert_eq!(ip("192.0.2.1", PROXIES, &[b"10.0.0.1"]), "192.0.2.1");
}

#[test]
fn behind_proxies_the_right_most_untrusted_hop_is_the_client() {
    for lines in [
        &[&b"198.51.100.7"[..]][..],
        &[b"203.0.113.9, 198.51.100.7"],
        &[b"203.0.113.9,198.51.100.7 ,10.1.2.3\t, 2001:db8:1::5"],
        &[b"203.0.113.9", b"198.51.100.7, 10.1.2.3", b"10.1.2.4"],
        &[b"203.0.113.9, 198.51.100.7:4711"],
        &[b"203.0.113.9, ::ffff:198.51.100.7, 10.0.0.1:80, [2001:db8:1::5]:80"],
    ] {
        assert_eq!(ip("10.0.0.1", PROXIES, lines), "198.51.100.7", "{lines:?}");
    }
}

#[test]
fn a_hop_that_is_not_an_address_ends_the_walk_at_the_last_valid_hop() {
    for bad in ["unknown", "", "198.51.100", "198.51.100.07", "1.2.3.4/8", "fe80::1%eth0", "[::1", "é", "\"1.2.3.4\""]
    {
        let line = format!("203.0.113.9, {bad}, 10.0.0.3");
        assert_eq!(ip("10.0.0.1", PROXIES, &[line.as_bytes()]), "10.0.0.3", "{bad}");
    }
    assert_eq!(ip("10.0.0.1", PROXIES, &[b"203.0.113.9", b"\xff", b"10.0.0.3"]), "10.0.0.3");
    assert_eq!(ip("10.0.0.1", PROXIES, &[]), "10.0.0.1");
    assert_eq!(ip("10.0.0.1", PROXIES, &[b"10.0.0.2"]), "10.0.0.2", "all of them are proxies");
}

#[test]
fn other_fields_of_proxies_are_ignored() {
    let mut headers = HeaderMap::new();
    for name in ["forwarded", "x-real-ip", "client-ip", "true-client-ip", "cf-connecting-ip", "x-forwarded-host"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("203.0.113.9"));
    }
    let proxies: Proxies = PROXIES.parse().expect("proxies");
    let client = ClientAddress::resolve(Peer("10.0.0.1:7".parse().expect("an address")), &headers, &proxies);
    assert_eq!(client.ip().to_string(), "10.0.0.1");
}

#[test]
fn mapped_ipv6_is_ipv4_as_a_peer_and_as_a_proxy() {
    assert_eq!(ip("[::ffff:192.0.2.1]", "", &[]), "192.0.2.1");
    assert_eq!(ip("[::ffff:10.0.0.1]", PROXIES, &[b"198.51.100.7"]), "198.51.100.7");
    assert_eq!(ip("10.0.0.1", "::ffff:10.0.0.0/104", &[b"198.51.100.7"]), "198.51.100.7");
}

#[test]
fn limits_count_ipv4_whole_and_ipv6_by_its_64() {
    let key = |peer| client(peer, "", &[]).key();
    assert_eq!(key("192.0.2.1"), key("[::ffff:192.0.2.1]"));
    assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    assert_eq!(key("[2001:db8:0:1::1]"), key("[2001:db8:0:1:ffff:ffff:ffff:ffff]"));
    assert_ne!(key("[2001:db8:0:1::1]"), key("[2001:db8:0:2::1]"));
}
