//! Connections: the server, the timeouts of a connection, and the quotas of an address.

pub(crate) mod address_quotas;
pub(crate) mod connection_clock;
pub(crate) mod serve;
