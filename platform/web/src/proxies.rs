use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// The proxies that are trusted to say, in `X-Forwarded-For`, who asked them. None by default.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[Network]>);

/// Why a text names no proxies. It does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be addresses and networks, separated by commas, such as 10.0.0.0/8, 2001:db8::1")]
pub struct NotProxies;

/// The addresses of one family that begin with these bits.
#[derive(Debug, Clone, Copy)]
struct Network {
    first: IpAddr,
    bits: u32,
}

impl Proxies {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address, in its canonical form, is one of theirs.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }
}

/// Addresses and CIDR networks (RFC 4632; RFC 4291, section 2.3), separated by commas.
///
/// A network whose address has bits beyond its prefix is a typing error, and one of no bits would
/// trust everybody: both are refused.
impl FromStr for Proxies {
    type Err = NotProxies;

    fn from_str(text: &str) -> Result<Self, NotProxies> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let networks: Option<_> = text.split(',').map(|one| Network::parse(one.trim())).collect();
        networks.map(Self).ok_or(NotProxies)
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let written: IpAddr = address.parse().ok()?;
        let bits = match prefix {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
            None => width(written),
        };
        let first = written.to_canonical();
        // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
        let bits = bits.checked_sub(width(written) - width(first))?;
        let network = Self { first, bits };
        let is_sound = (1..=width(first)).contains(&bits) && number(first) & ((1 << network.beyond()) - 1) == 0;
        is_sound.then_some(network)
    }

    /// The number of bits after the prefix.
    const fn beyond(self) -> u32 {
        width(self.first) - self.bits
    }

    fn holds(self, address: IpAddr) -> bool {
        let prefix = |address| number(address) >> self.beyond();
        address.is_ipv4() == self.first.is_ipv4() && prefix(address) == prefix(self.first)
    }
}

const fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::{NotProxies, Proxies};

    #[test]
    fn a_network_holds_what_begins_as_it_does() {
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
            let proxies: Proxies = none.parse().expect("nobody");
            assert!(!proxies.trust("127.0.0.1".parse().expect("an address")));
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
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
            "0.0.0.0/0",
            "::/0",
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
            assert_eq!(text.parse::<Proxies>().expect_err(text), NotProxies);
        }
    }
}
