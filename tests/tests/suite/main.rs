//! Every use case through HTTP, on every combination of database and hints.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what does not work has failed it")]

mod duplicates;
mod idempotency;
mod main_job;
mod prefer;
