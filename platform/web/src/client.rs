//! Where a request comes from.

use crate::{Peer, Proxies};
use axum::http::{HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address, as far as it can be trusted: the peer's, or behind trusted [`Proxies`] the
/// right-most hop of `X-Forwarded-For` that is none of them. In the extensions of every request:
/// `Extension<ClientAddress>`.
///
/// `Forwarded`, `X-Real-IP` and the like are ignored: one field, which the proxy MUST append to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// Walks from the peer to the left for as long as the hop that was reached is trusted. A hop
    /// that is no address ends the walk: what stands to its left came from nobody.
    pub(crate) fn resolve(peer: Peer, headers: &HeaderMap, proxies: &Proxies) -> Self {
        let Self(mut client) = Self::of_peer(peer);
        let lines = headers.get_all(X_FORWARDED_FOR).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
        let lines: Vec<_> = lines.collect();
        let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        while proxies.trust(client)
            && let Some(hop) = hops.next().and_then(address)
        {
            client = hop;
        }
        Self(client)
    }

    /// The peer itself.
    pub(crate) fn of_peer(peer: Peer) -> Self {
        Self(peer.0.ip().to_canonical())
    }

    /// The address. IPv4 also where it came as IPv4-mapped IPv6.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// What limits count by: an IPv4 address whole, an IPv6 address by its /64, which is the least
    /// that one household or machine is given.
    #[must_use]
    pub fn key(self) -> Vec<u8> {
        match self.0 {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
        }
    }

    /// The network around the address, of which one operator may hold every address: an IPv4 /24, an
    /// IPv6 /48.
    #[must_use]
    pub fn network(self) -> Vec<u8> {
        match self.0 {
            IpAddr::V4(v4) => v4.octets()[..3].to_vec(),
            IpAddr::V6(v6) => v6.octets()[..6].to_vec(),
        }
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

/// A hop: an address, with a port or without.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_matches([' ', '\t']);
    let with_port = || hop.parse().map(|at: SocketAddr| at.ip());
    hop.parse().or_else(|_| with_port()).ok().map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
