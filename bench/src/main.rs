//! `cargo xtask bench` compares Roster with other software, in turns and within one run.
//!
//! Each file of `comparisons/` is one comparison. `shared/` starts processes, drives load and computes medians, and
//! `report/` writes the results. `cargo xtask bench` starts PostgreSQL and RabbitMQ and builds what this program runs.
#![expect(clippy::print_stdout, reason = "it prints its results")]
#![expect(clippy::disallowed_methods, reason = "it measures other processes")]

mod comparisons;
mod report;
mod shared;

use anyhow::{Result, ensure};
use clap::Parser;
use comparisons::{COMPARISONS, Comparison};
use report::Results;
use shared::machine::Machine;
use shared::setting::Setting;
use std::path::PathBuf;

/// Arguments as `cargo xtask bench` passes them.
#[derive(Parser)]
struct Arguments {
    /// Two rounds of three seconds, without the comparisons that take longest and without the origin's stack
    #[arg(long)]
    quick: bool,
    /// Run only this comparison. May be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The number of rounds
    #[arg(long)]
    rounds: Option<usize>,
    /// The URL of a PostgreSQL role that may create databases
    #[arg(long, env = "TEST_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[arg(long, env = "TEST_AMQP_URL", hide_env_values = true)]
    amqp_url: String,
    /// The directory of the binaries `roster` and `bench-reference`
    #[arg(long)]
    binaries: PathBuf,
    /// The root of the repository
    #[arg(long)]
    root: PathBuf,
    /// The Python of the origin's stack
    #[arg(long)]
    python: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let chosen = chosen(&arguments)?;
    let (rounds, seconds) = if arguments.quick { (2, 3) } else { (5, 10) };
    let setting = Setting {
        rounds: arguments.rounds.unwrap_or(rounds),
        seconds,
        database_url: arguments.database_url,
        amqp_url: arguments.amqp_url,
        binaries: arguments.binaries,
        python: arguments.python,
        origin: arguments.root.join("bench/origin"),
    };
    let machine = Machine::read(&setting, &arguments.root);
    println!("{machine}");
    let bench = arguments.root.join("bench");
    let mut failed = Vec::new();
    for comparison in chosen {
        println!("\n== {}: {}", comparison.name, comparison.title);
        let mut results = Results::new(comparison, &setting, &machine);
        match (comparison.run)(&setting, &mut results) {
            Ok(()) => {
                results.print();
                results.write(&bench.join("results"))?;
            }
            Err(error) => {
                println!("failed: {error:#}");
                failed.push(comparison.name);
            }
        }
    }
    report::write_document(&bench, &arguments.root.join("docs/PERFORMANCE.md"))?;
    ensure!(failed.is_empty(), "these comparisons failed: {}", failed.join(", "));
    Ok(())
}

fn chosen(arguments: &Arguments) -> Result<Vec<&'static Comparison>> {
    let names: Vec<_> = COMPARISONS.iter().map(|comparison| comparison.name).collect();
    for only in &arguments.only {
        ensure!(names.contains(&only.as_str()), "there is no comparison {only}; there are: {}", names.join(", "));
    }
    let is_chosen = |comparison: &&Comparison| match &arguments.only[..] {
        [] => !(arguments.quick && comparison.is_long),
        only => only.iter().any(|name| name == comparison.name),
    };
    Ok(COMPARISONS.iter().filter(is_chosen).collect())
}
