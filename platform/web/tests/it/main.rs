//! Tests of the edge over real sockets.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod connections;
mod docs_and_health;
mod edge;
mod framing;
mod server;
mod shares;
