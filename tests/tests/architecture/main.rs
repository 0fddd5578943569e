//! The rules of the architecture, checked by tests because manifests alone cannot enforce them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a step that does not work fails the test")]

mod edges;
mod names;
mod problems;
mod scoreboard;
mod source;
mod tables;
mod words;
