//! The project's own commands: `cargo xtask` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its terminal")]
#![expect(clippy::disallowed_methods, reason = "xtask runs other programs")]

mod alone;
mod bench;
mod browser;
mod clients;
mod demo;
mod domain;
mod new;
mod process;
mod python;
mod schemathesis;
mod servers;
mod test;
mod workspace;

use std::process::{ExitCode, ExitStatus};

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::process::{Interrupted, Strays};
use crate::servers::{Servers, Whose};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Roster's own commands", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests; finds or starts PostgreSQL and RabbitMQ
    Test(test::Options),
    /// Sign up 2,000 varied people over HTTP, read them back, and print the results
    Demo(demo::Options),
    /// Measure the line coverage of the domain crates; fails below 95 %
    Coverage(domain::Options),
    /// Make small changes to the domain crates; fails if their tests do not notice one
    Mutants(domain::Options),
    /// Attack the API with Schemathesis, with a token and without one, within three minutes
    Schemathesis(schemathesis::Options),
    /// Generate clients from the OpenAPI document, and use Roster through them
    Clients(clients::Options),
    /// Use Roster in a headless Chromium: from a page of another origin, and by the links of mails
    Browser,
    /// Write a bounded context, or a command of one
    #[command(subcommand)]
    New(new::New),
    /// Generate a context and a command into a copy of the workspace, and run their tests there
    Generated,
    /// Check each crate by itself, with only the features that it enables
    Alone,
    /// Compare Roster with other software within one run, and write docs/PERFORMANCE.md
    Bench(bench::Options),
    /// Start PostgreSQL and RabbitMQ, print their URLs, and stop them at Ctrl-C
    Servers,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let _strays = Strays::adopt();
    match process::listen_to_signals().and_then(|()| run(arguments.command)) {
        Ok(code) => code,
        Err(error) => match error.downcast_ref::<Interrupted>() {
            Some(interrupted) => ExitCode::from(interrupted.exit_code()),
            None => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Test(options) => Ok(code_of(test::run(&options)?)),
        Command::Coverage(options) => Ok(code_of(domain::coverage(&options)?)),
        Command::Mutants(options) => Ok(code_of(domain::mutants(&options)?)),
        Command::Schemathesis(options) => schemathesis::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Clients(options) => clients::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Browser => browser::run().map(|()| ExitCode::SUCCESS),
        Command::Generated => Ok(code_of(new::generated::test()?)),
        Command::New(part) => new::run(&part).map(|()| ExitCode::SUCCESS),
        Command::Alone => alone::run().map(|()| ExitCode::SUCCESS),
        Command::Demo(options) => demo::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Bench(options) => Ok(code_of(bench::run(&options)?)),
        Command::Servers => serve(),
    }
}

fn code_of(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn serve() -> Result<ExitCode> {
    let servers = Servers::start(Whose::Anyones)?;
    for (name, value) in servers.variables() {
        println!("export {name}={}", value.display());
    }
    println!("# Both servers are ready. Ctrl-C stops them.");
    process::wait_for_signal()
}
