//! PostgreSQL by itself, driven by its own `pgbench`.

use super::database::Database;
use super::process::output;
use super::scratch::Scratch;
use super::setting::Setting;
use super::statistics::percentile;
use super::wrk::{Answers, CONNECTIONS};
use anyhow::{Context as _, Result};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// Runs one transaction again and again, on 64 connections with prepared statements.
pub(crate) fn pgbench(setting: &Setting, database: &Database, script: &str) -> Result<Answers> {
    let scratch = Scratch::new()?;
    let script = scratch.write("script.sql", script)?;
    let mut pgbench = Command::new(Setting::postgres_program("pgbench"));
    pgbench.args(["--no-vacuum", "--protocol", "prepared", "--jobs", "1", "--client", &CONNECTIONS.to_string()]);
    // Every twentieth time is logged: a log of all would take part of the processor that is measured.
    pgbench.args(["--log", "--sampling-rate", "0.05", "--time", &setting.seconds.to_string()]);
    pgbench.arg("--log-prefix").arg(scratch.path().join("times")).arg("--file").arg(script).arg(database.url());
    let printed = output(&mut pgbench)?;
    let rate = printed.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let mut times = Vec::new();
    for entry in fs::read_dir(scratch.path())? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("times")) {
            // The third column is the time in microseconds.
            let log = fs::read_to_string(path)?;
            times
                .extend(log.lines().filter_map(|line| line.split(' ').nth(2)?.parse().ok().map(Duration::from_micros)));
        }
    }
    Ok(Answers {
        per_second: rate.with_context(|| format!("pgbench printed {printed}"))?,
        p50: percentile(&times, 50),
        p99: percentile(&times, 99),
        ..Answers::default()
    })
}
