//! Runs the plain server of `reference/`.

use super::database::Database;
use super::process::service;
use super::setting::Setting;
use super::{free_address, wait_until_ready};
use anyhow::Result;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::Process;

/// A running server. Drop kills it.
pub(crate) struct Plain {
    pub(crate) at: SocketAddr,
    pub(crate) process: Process,
    pub(crate) started_in: Duration,
}

impl Plain {
    /// Starts it on a database that Roster has migrated, so that both read and insert the same rows.
    pub(crate) fn start(setting: &Setting, database: &Database) -> Result<Self> {
        let at = free_address()?;
        let mut server = service(setting.binaries.join("bench-reference").canonicalize()?);
        let process = Process::start_group(server.args([database.url(), at.to_string()]))?;
        let started_in = wait_until_ready(at, "/health")?;
        Ok(Self { at, process, started_in })
    }
}
