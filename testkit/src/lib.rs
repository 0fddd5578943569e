//! What the tests, the benchmarks and `xtask` share: an HTTP/1.1 client for a server on this machine, which shows every
//! byte of the answers, and processes that are killed when their [`Process`] is dropped.

mod answer;
mod client;
mod process;
mod request;
#[cfg(feature = "tokio")]
mod sending;

pub use answer::Answer;
pub use client::Client;
pub use process::{Process, isolate};
pub use request::{Bearer, Request};
#[cfg(feature = "tokio")]
pub use sending::{Held, Open};

use std::time::Duration;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(60);
