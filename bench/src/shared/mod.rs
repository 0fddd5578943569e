//! What all comparisons need.

pub(crate) mod clients;
pub(crate) mod crate_hashes;
pub(crate) mod database;
pub(crate) mod machine;
pub(crate) mod origin;
pub(crate) mod pgbench;
pub(crate) mod plain;
pub(crate) mod process;
pub(crate) mod rabbitmq;
pub(crate) mod roster;
pub(crate) mod scratch;
pub(crate) mod setting;
pub(crate) mod statistics;
pub(crate) mod wrk;

use anyhow::{Result, ensure};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::sleep;
use std::time::{Duration, Instant};
use testkit::Client;

/// The number of processors of this machine.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Waits for asynchronous work.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A free address of the loopback interface.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Waits until a server answers 200, and returns how long that took.
pub(crate) fn wait_until_ready(at: SocketAddr, path: &str) -> Result<Duration> {
    let began = Instant::now();
    while !Client::new(at).get(path).is_ok_and(|answer| answer.status == 200) {
        ensure!(began.elapsed() < Duration::from_secs(60), "the server at {at} does not answer {path}");
        sleep(Duration::from_millis(1));
    }
    Ok(began.elapsed())
}
