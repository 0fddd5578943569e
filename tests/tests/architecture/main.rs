//! The rules of the architecture, checked by tests because manifests alone cannot enforce them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what does not work has failed it")]

mod edges;
mod problems;
mod scoreboard;
mod source;
mod tables;
mod words;
