//! The real binary on real servers.
