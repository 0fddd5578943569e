//! Drives load with `wrk`.

use super::process::output;
use super::scratch::Scratch;
use super::setting::Setting;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

/// The connections of every load that does not say otherwise.
pub(crate) const CONNECTIONS: usize = 64;
pub(crate) const READ: &str = include_str!("../lua/read.lua");
pub(crate) const SIGN_UP: &str = include_str!("../lua/sign_up.lua");
const DONE: &str = include_str!("../lua/done.lua");

/// What a load generator has measured.
#[derive(Clone, Default, Debug)]
pub(crate) struct Answers {
    pub(crate) per_second: f64,
    /// In milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The number of answers with another status than the expected one, by status, and of broken connections.
    pub(crate) others: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Printed {
    requests: u64,
    microseconds: u64,
    p50: u64,
    p99: u64,
    others: BTreeMap<String, u64>,
}

/// Sends the requests of a Lua script from one thread. The script gets `arguments`.
pub(crate) fn wrk(setting: &Setting, at: SocketAddr, script: &str, arguments: &[&str]) -> Result<Answers> {
    load(at, script, arguments, CONNECTIONS, setting.seconds)
}

/// Opens the connections of a server, and fills its caches.
pub(crate) fn warm_up(at: SocketAddr, script: &str, arguments: &[&str]) -> Result<()> {
    load(at, script, arguments, CONNECTIONS, 1).map(drop)
}

pub(crate) fn load(
    at: SocketAddr,
    script: &str,
    arguments: &[&str],
    connections: usize,
    seconds: u64,
) -> Result<Answers> {
    let scratch = Scratch::new()?;
    let script = scratch.write("script.lua", &format!("{script}\n{DONE}"))?;
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--timeout", "10s", "--connections", &connections.to_string()]);
    wrk.args(["--duration", &format!("{seconds}s")]).arg("--script").arg(script);
    wrk.arg(format!("http://{at}")).arg("--").args(arguments);
    let printed = output(&mut wrk)?;
    let line = printed.lines().find_map(|line| line.strip_prefix("RESULT "));
    let printed: Printed = serde_json::from_str(line.with_context(|| format!("wrk printed {printed}"))?)?;
    let others: u64 = printed.others.values().sum();
    let good = u32::try_from(printed.requests.saturating_sub(others))?;
    let to_f64 = |number: u64| u32::try_from(number).map_or(f64::INFINITY, f64::from);
    Ok(Answers {
        per_second: f64::from(good) / (to_f64(printed.microseconds) / 1e6),
        p50: to_f64(printed.p50) / 1e3,
        p99: to_f64(printed.p99) / 1e3,
        others: printed.others.into_iter().filter(|(_, count)| *count > 0).collect(),
    })
}
