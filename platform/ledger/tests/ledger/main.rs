//! The promises of the ledger, on both databases, through its public interface.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod accepting;
mod admission;
mod ahead;
mod awaited;
mod fencing;
mod follow_ups;
mod hints;
mod lossy;
mod once;
mod order;
mod outcomes;
mod poison;
mod retention;
mod shop;
mod steps;
mod stopping;
mod subscriptions;
mod sweeping;
mod together;
mod waiting;
mod world;
