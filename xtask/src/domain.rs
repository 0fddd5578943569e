//! `cargo xtask coverage` and `cargo xtask mutants`: measure how well the domain crates are tested.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{process, workspace};

/// The crates to measure beside the domains of all contexts. They use no framework, so everything can be tested.
const SHARED: [&str; 2] = ["kernel", "identity"];
/// The minimum line coverage in percent.
const COVERED: &str = "95";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments for the tool
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Prints line coverage. Returns the status of cargo-llvm-cov, which fails below the minimum.
pub(crate) fn coverage(options: &Options) -> Result<ExitStatus> {
    expect_tool("llvm-cov")?;
    let mut coverage = workspace::cargo();
    coverage.args(["llvm-cov", "test", "--summary-only", "--fail-under-lines", COVERED]);
    coverage.args(packages()?).args(&options.arguments);
    if let Some(llvm) = llvm_tools()? {
        coverage.env("LLVM_COV", llvm.join("llvm-cov")).env("LLVM_PROFDATA", llvm.join("llvm-profdata"));
    }
    process::run(&mut coverage)
}

/// Makes small changes to the code that a test should notice. Returns the status of cargo-mutants, which fails if no
/// test notices one of them.
pub(crate) fn mutants(options: &Options) -> Result<ExitStatus> {
    expect_tool("mutants")?;
    let mut mutants = workspace::cargo();
    mutants.args(["mutants", "--output"]).arg(workspace::target()?);
    mutants.args(packages()?).args(&options.arguments);
    process::run(&mut mutants)
}

fn packages() -> Result<Vec<String>> {
    let domains = workspace::packages()?.into_iter().filter(|package| package.ends_with("-domain"));
    let packages = SHARED.map(str::to_owned).into_iter().chain(domains);
    Ok(packages.flat_map(|package| ["--package".to_owned(), package]).collect())
}

fn expect_tool(name: &str) -> Result<()> {
    process::output(workspace::cargo().args([name, "--version"]), Duration::from_secs(30))
        .map(drop)
        .with_context(|| format!("cargo-{name} is missing: run `cargo install --locked cargo-{name}`"))
}

/// The directory of `llvm-cov` and `llvm-profdata` for this compiler, or `None` if the environment names them.
fn llvm_tools() -> Result<Option<PathBuf>> {
    if std::env::var_os("LLVM_COV").is_some() && std::env::var_os("LLVM_PROFDATA").is_some() {
        return Ok(None);
    }
    let asked = process::output(Command::new("rustc").args(["--version", "--verbose"]), Duration::from_secs(30))?;
    let field = |name: &str| asked.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let host = field("host:").context("rustc does not report its host")?;
    let llvm = field("LLVM version:").and_then(|version| version.split('.').next());
    let llvm = llvm.context("rustc does not report its LLVM version")?;
    let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]), Duration::from_secs(30))?;

    // A profile can be read by the LLVM version that wrote it, or by a newer one.
    let rustups = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin");
    let debians = PathBuf::from(format!("/usr/lib/llvm-{llvm}/bin"));
    let complete = |directory: &PathBuf| {
        ["llvm-cov", "llvm-profdata"].iter().all(|tool| process::is_program(&directory.join(tool)))
    };
    match [rustups, debians].into_iter().find(complete) {
        Some(directory) => Ok(Some(directory)),
        None => bail!(
            "llvm-cov and llvm-profdata of LLVM {llvm}, which this compiler uses, are missing: run `rustup component \
             add llvm-tools` or `apt install llvm-{llvm}`, or set LLVM_COV and LLVM_PROFDATA"
        ),
    }
}
