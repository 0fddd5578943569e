//! `cargo xtask test`: runs all tests of the workspace with the servers that they need.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::num::NonZero;
use std::process::ExitStatus;
use std::thread;

use anyhow::Result;

use crate::servers::{self, Servers, Whose};
use crate::{process, workspace};

/// With this variable, tests skip what needs a server. Without it, a missing server is a failure.
const EMBEDDED: &str = "TEST_EMBEDDED";
/// How many tests of one binary run at once.
const THREADS: &str = "RUST_TEST_THREADS";
/// The binary that the acceptance tests run.
const BINARY: &str = "ROSTER_BIN";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Skip everything that needs PostgreSQL or RabbitMQ
    #[arg(long)]
    embedded: bool,
    /// Arguments for `cargo test`
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Runs the tests. Returns the status of `cargo test`.
pub(crate) fn run(options: &Options) -> Result<ExitStatus> {
    if options.embedded {
        let status = cargo_test(options, None)?;
        println!(
            "Skipped because of --embedded: everything that needs PostgreSQL or RabbitMQ. `cargo xtask test` runs all \
             tests."
        );
        return Ok(status);
    }
    let mut servers = Servers::start(Whose::Anyones)?;
    if let Some(warning) = servers.warning() {
        println!("{warning}");
    }
    let status = cargo_test(options, Some(&servers))?;
    if !status.success() {
        println!("The servers' logs are in {}", servers.keep_logs().display());
    }
    Ok(status)
}

fn cargo_test(options: &Options, servers: Option<&Servers>) -> Result<ExitStatus> {
    let binary = workspace::build_roster(&[])?;
    let mut test = workspace::cargo();
    test.args(["test", "--no-fail-fast"]).env(BINARY, binary);
    if !names_a_package(&options.arguments) {
        test.arg("--workspace");
    }
    test.args(&options.arguments);
    if env::var_os(THREADS).is_none() {
        // Most tests wait most of the time: for a database, a broker or another process.
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        test.env(THREADS, (2 * cores).to_string());
    }
    match servers {
        Some(servers) => test.env_remove(EMBEDDED).envs(servers.variables()),
        None => servers::VARIABLES.iter().fold(test.env(EMBEDDED, "1"), |test, variable| test.env_remove(variable)),
    };
    let (status, ran) = process::run_heard(&mut test, BTreeSet::new(), |ran, line| ran.extend(passed(line)))?;
    if status.success() && options.arguments.is_empty() && servers.is_some() {
        scoreboard(&ran)?;
    }
    Ok(status)
}

/// The name of the test that passed according to this line, and that of its module. The module of an acceptance test is
/// named after its function, and the test after its world.
fn passed(line: &str) -> Vec<String> {
    let name = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... ok"));
    let name = name.map(|name| name.trim_end_matches(" - should panic"));
    name.into_iter().flat_map(|name| name.rsplit("::").take(2).map(str::to_owned)).collect()
}

/// Checks that each test that the security scoreboard names has run. A test of the architecture checks that it exists.
fn scoreboard(ran: &BTreeSet<String>) -> Result<()> {
    let named = named_by_scoreboard()?;
    let missing: Vec<_> = named.difference(ran).collect();
    anyhow::ensure!(missing.is_empty(), "the security scoreboard names tests that did not run: {missing:?}");
    Ok(())
}

fn named_by_scoreboard() -> Result<BTreeSet<String>> {
    let scoreboard = std::fs::read_to_string(workspace::root().join("docs/SECURITY-SCOREBOARD.md"))?;
    let cells = scoreboard.lines().filter(|line| line.contains("test `")).filter_map(|line| line.rsplit('|').nth(1));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    Ok(names.filter(|name| name.matches('_').count() > 2).map(str::to_owned).collect())
}

fn names_a_package(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .filter_map(|argument| argument.to_str())
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_passed_test_is_found() {
        assert_eq!(passed("test a_sign_out ... ok"), ["a_sign_out"]);
        assert_eq!(passed("test sign_in::a_sign_out - should panic ... ok"), ["a_sign_out", "sign_in"]);
        assert_eq!(passed("test suite::sign_in::a_sign_out::postgres ... ok"), ["postgres", "a_sign_out"]);
        for line in ["test a ... FAILED", "test a ... ignored, why", "test result: ok. 1 passed", "running 1 test"] {
            assert!(passed(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_scoreboard_names_tests_that_must_have_run() {
        let mut ran = named_by_scoreboard().unwrap();
        assert!(ran.len() > 50, "{} are not all", ran.len());
        scoreboard(&ran).unwrap();
        let name = "a_password_is_written_nowhere";
        assert!(ran.remove(name));
        let error = scoreboard(&ran).unwrap_err().to_string();
        assert!(error.ends_with(&format!("[\"{name}\"]")), "{error}");
    }

    #[test]
    fn a_named_package_replaces_the_workspace() {
        let named = |arguments: &[&str]| names_a_package(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(named(&["-p", "kernel"]));
        assert!(named(&["--package=kernel"]));
        assert!(!named(&["taken_email"]));
        assert!(!named(&["--", "-p"]));
    }
}
