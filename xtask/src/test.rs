//! `cargo xtask test`: every test of the workspace, with the servers they need.

use std::ffi::OsString;
use std::process::ExitStatus;

use anyhow::Result;

use crate::servers::{self, Servers, Whose};
use crate::{process, workspace};

/// Tests that see this leave out what needs a server; without it a missing server is a failure.
const EMBEDDED: &str = "ROSTER_TEST_EMBEDDED";
/// The binary that the acceptance tests run.
const BINARY: &str = "ROSTER_BIN";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only what needs no server: leaves out PostgreSQL and RabbitMQ
    #[arg(long)]
    embedded: bool,
    /// Handed to `cargo test`
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// The exit status is that of `cargo test`.
pub(crate) fn run(options: &Options) -> Result<ExitStatus> {
    if options.embedded {
        let status = cargo_test(options, None)?;
        println!("Left out, as asked: everything that needs PostgreSQL or RabbitMQ. `cargo xtask test` runs all.");
        return Ok(status);
    }
    let mut servers = Servers::start(Whose::Anyones)?;
    if let Some(warning) = servers.warning() {
        println!("{warning}");
    }
    let status = cargo_test(options, Some(&servers))?;
    if !status.success() {
        println!("Logs of the servers: {}", servers.keep_logs().display());
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
    match servers {
        Some(servers) => test.env_remove(EMBEDDED).envs(servers.variables()),
        None => servers::VARIABLES.iter().fold(test.env(EMBEDDED, "1"), |test, variable| test.env_remove(variable)),
    };
    process::run(&mut test)
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
    fn a_named_package_replaces_the_workspace() {
        let named = |arguments: &[&str]| names_a_package(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(named(&["-p", "kernel"]));
        assert!(named(&["--package=kernel"]));
        assert!(!named(&["taken_email"]));
        assert!(!named(&["--", "-p"]));
    }
}
