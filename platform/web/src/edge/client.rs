//! The address of the client that sent a request.

use crate::{Peer, Proxies};
use axum::http::{HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the peer's or, behind trusted [`Proxies`], the right-most hop of `X-Forwarded-For` that is not
/// a trusted proxy. Every request has one in its extensions: `Extension<ClientAddress>`.
///
/// `Forwarded`, `X-Real-IP` and similar headers are ignored. The proxy MUST append to `X-Forwarded-For`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// Walks the hops from right to left, beginning at the peer, while the current hop is a trusted proxy. A hop that
    /// is not an address ends the walk, since it is unknown who wrote the hops to its left.
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

    /// The address of the peer itself, without a look at the headers.
    pub(crate) fn of_peer(peer: Peer) -> Self {
        Self(peer.0.ip().to_canonical())
    }

    /// The address. An IPv4-mapped IPv6 address is converted to IPv4.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// The key by which limits count an address: a whole IPv4 address, or the /64 of an IPv6 address, which is the
    /// smallest network that one household or machine gets.
    #[must_use]
    pub fn key(self) -> Vec<u8> {
        match self.0 {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
        }
    }

    /// The network around the address, an IPv4 /24 or an IPv6 /48: one operator may own all of its addresses.
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

/// Parses a hop: an address, with a port or without.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_matches([' ', '\t']);
    let with_port = || hop.parse().map(|at: SocketAddr| at.ip());
    hop.parse().or_else(|_| with_port()).ok().map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
