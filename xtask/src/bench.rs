//! `cargo xtask bench`: starts PostgreSQL and RabbitMQ, builds and installs what is compared, and runs the crate `bench`.

use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};

use crate::servers::{Place, Servers, Whose, packages};
use crate::{process, python, workspace};

/// The libraries of the origin's stack with exact versions and hashes.
const ORIGIN: &str = include_str!("../../bench/origin/requirements.txt");

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Two rounds of three seconds, without the longest comparisons and without the origin's stack
    #[arg(long)]
    quick: bool,
    /// Run only this comparison; may be repeated. An unknown name lists all
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The number of rounds: 5, or 2 with --quick
    #[arg(long)]
    rounds: Option<usize>,
}

/// Runs the comparisons. Returns the status of the bench, which fails if a comparison could not be made.
pub(crate) fn run(options: &Options) -> Result<ExitStatus> {
    let target = workspace::target()?;
    let binaries = target.join("release");
    process::must(workspace::cargo().args(["build", "--release", "--package", "roster", "--package", "bench"]))?;
    let place = Place::below(&target.join("servers"))?;
    if process::find_program("wrk", &[]).is_none() {
        packages::install(&["wrk"], &place).context("install wrk, the load generator")?;
    }
    let servers = Servers::start(Whose::Ours)?;
    let mut bench = Command::new(binaries.join("bench"));
    bench.envs(servers.variables()).arg("--binaries").arg(&binaries).arg("--root").arg(workspace::root());
    if options.quick {
        bench.arg("--quick");
    } else {
        bench.arg("--python").arg(origin(&target, &place)?);
    }
    bench.args(options.only.iter().flat_map(|name| ["--only", name.as_str()]));
    bench.args(options.rounds.map(|rounds| format!("--rounds={rounds}")));
    process::run(&mut bench)
}

fn origin(target: &Path, place: &Place) -> Result<std::path::PathBuf> {
    python::environment("origin", ORIGIN, &target.join("tools"), place)
}
