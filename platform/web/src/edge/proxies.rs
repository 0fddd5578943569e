use ipnet::{IpNet, Ipv6Net};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

/// The proxies whose `X-Forwarded-For` is trusted. None by default.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[IpNet]>);

/// From this number of IPv4 addresses on (a /4), a list is rejected. No site's proxies have so many.
const TOO_MANY_V4: u64 = 1 << 28;
/// From this number of public IPv6 addresses on (a /16), a list is rejected. The whole internet uses a few dozen /16
/// today.
const TOO_MANY_V6: u128 = 1 << 112;
/// The public IPv6 addresses (RFC 4291, section 2.4; IANA).
const PUBLIC_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// The IPv6 network that represents all IPv4 addresses behind a translator (RFC 6052, section 2.1).
const TRANSLATED_V4: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// The text is not a list of proxies. The error does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotProxies {
    #[error("must be addresses and networks, separated by commas, such as 10.0.0.0/8, 2001:db8::1")]
    Malformed,
    /// The networks have so many addresses that clients would be among the trusted proxies.
    #[error("must name your own proxies only: these networks have so many addresses that clients could forge theirs")]
    TooMany,
}

impl Proxies {
    /// Whether no proxy is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address, in its canonical form, is one of the proxies.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Parses addresses and CIDR networks (RFC 4632; RFC 4291, section 2.3), separated by commas.
///
/// Rejects a network whose address has bits beyond its prefix, as a typing error. Rejects networks that together have
/// too many addresses.
impl FromStr for Proxies {
    type Err = NotProxies;

    fn from_str(text: &str) -> Result<Self, NotProxies> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let networks: Option<Vec<_>> = text.split(',').map(|one| network(one.trim())).collect();
        let networks = networks.ok_or(NotProxies::Malformed)?;
        if hold_too_many(&networks) { Err(NotProxies::TooMany) } else { Ok(Self(networks.into())) }
    }
}

/// Parses a network into the canonical form of its addresses: `::ffff:10.0.0.0/104` becomes `10.0.0.0/8`.
fn network(text: &str) -> Option<IpNet> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let written: IpAddr = address.parse().ok()?;
    let bits = match prefix {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
        None => width(written),
    };
    let first = written.to_canonical();
    let bits = bits.checked_sub(width(written) - width(first))?;
    IpNet::new(first, bits).ok().filter(|network| network.network() == first)
}

const fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn hold_too_many(networks: &[IpNet]) -> bool {
    let (mut v4, mut v6) = (0_u64, 0_u128);
    // Aggregate, so that overlapping networks count once.
    for network in IpNet::aggregate(&networks.to_vec()) {
        match network {
            IpNet::V4(network) => v4 += 1 << (32 - network.prefix_len()),
            IpNet::V6(network) if network.contains(&PUBLIC_V6) => v6 += 1 << (128 - PUBLIC_V6.prefix_len()),
            IpNet::V6(network) if PUBLIC_V6.contains(&network) => v6 += 1 << (128 - network.prefix_len()),
            IpNet::V6(network) if network.contains(&TRANSLATED_V4) => v4 += TOO_MANY_V4,
            IpNet::V6(network) if TRANSLATED_V4.contains(&network) => v4 += 1 << (128 - network.prefix_len()),
            IpNet::V6(_) => {}
        }
    }
    v4 >= TOO_MANY_V4 || v6 >= TOO_MANY_V6
}

#[cfg(test)]
mod tests {
    use super::{NotProxies, Proxies};

    #[test]
    fn a_network_contains_the_addresses_with_its_prefix() {
        let proxies: Proxies = " 10.0.0.0/8,192.0.2.1 , 2001:db8::/33,::1/128, 172.16.0.0/12".parse().expect("proxies");
        let trusts = |address: &str| proxies.trust(address.parse().expect("an address"));
        for held in ["10.0.0.0", "10.255.255.255", "192.0.2.1", "2001:db8::1", "2001:db8:7fff::1", "::1", "172.31.0.1"]
        {
            assert!(trusts(held), "{held}");
        }
        for other in ["9.255.255.255", "11.0.0.0", "192.0.2.2", "2001:db8:8000::1", "::2", "172.32.0.1", "::a00:1"] {
            assert!(!trusts(other), "{other}");
        }
    }

    #[test]
    fn no_proxies_are_trusted_unless_they_are_named() {
        for none in ["", " "] {
            let proxies: Proxies = none.parse().expect("no proxies");
            assert!(!proxies.trust("127.0.0.1".parse().expect("an address")));
        }
    }

    #[test]
    fn a_malformed_list_of_proxies_is_rejected() {
        for text in [
            "x",
            ",",
            "10.0.0.1,",
            "10.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10.0.0.1/8",
            "2001:db8::1/64",
            "::1/129",
            "::ffff:10.0.0.0/95",
            "fe80::1%eth0",
            "[::1]",
            "127.0.0.1:80",
            "localhost",
            "10.0.0.0/99999999999",
            "10.0.0.1 10.0.0.2",
        ] {
            assert_eq!(text.parse::<Proxies>().expect_err(text), NotProxies::Malformed);
        }
    }

    #[test]
    fn networks_with_too_many_addresses_in_total_are_rejected() {
        for text in [
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "0.0.0.0/1, 128.0.0.0/1",
            "10.0.0.0/8, 0.0.0.0/2, 64.0.0.0/2, 128.0.0.0/2, 192.0.0.0/2",
            "16.0.0.0/5, 24.0.0.0/5",
            "240.0.0.0/4",
            "::ffff:0.0.0.0/96",
            "::ffff:0.0.0.0/97, ::ffff:128.0.0.0/97",
            "::ffff:16.0.0.0/101, 24.0.0.0/5",
            "::/1, 8000::/1",
            "::/1",
            "2000::/3",
            "2000::/4, 3000::/4",
            "2400::/12",
            "2001::/17, 2001:8000::/17",
            "64:ff9b::/96",
            "64:ff9b::/100",
            "::/8",
            "::/3",
        ] {
            assert_eq!(text.parse::<Proxies>().expect_err(text), NotProxies::TooMany);
        }
        let sixteenths: Vec<_> = (0..16).map(|first| format!("{first}.0.0.0/8")).collect();
        assert_eq!(sixteenths.join(",").parse::<Proxies>().expect_err("a sixteenth"), NotProxies::TooMany);
        assert!(sixteenths[1..].join(",").parse::<Proxies>().is_ok());
    }

    #[test]
    fn the_networks_of_a_site_or_of_a_content_network_are_accepted() {
        for text in [
            "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 127.0.0.0/8, fc00::/7, fe80::/10, ::1",
            "10.0.0.0/8, 10.0.0.0/8, 10.0.0.0/9",
            "104.16.0.0/13, 173.245.48.0/20, 2400:cb00::/32, 2606:4700::/32, 2a06:98c0::/29",
            "2001::/17",
            "0.0.0.0/5",
            "::ffff:10.0.0.0/104",
        ] {
            assert!(text.parse::<Proxies>().is_ok(), "{text}");
        }
    }
}
