//! The rules of the architecture that manifests alone cannot keep: somebody can edit a manifest, too.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what does not work has failed it")]

mod edges;
mod problems;
mod scoreboard;
mod source;
mod tables;
mod words;
