//! `cargo xtask generated`: tests that what `cargo xtask new` writes builds and passes.

use std::fs;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use super::New;
use crate::servers::{Servers, Whose};
use crate::{process, workspace};

/// What is generated, and the modules of the tests that have to pass then.
const PARTS: [&str; 2] = [
    "new context orders --command place_order:item,note --on users.user_registered.v1 --query get_order",
    "new command users rename_user:name --by oneself",
];
const TESTS: [&str; 4] = ["orders::", "users::rename_user", "permissions::", "openapi::"];

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: New,
}

/// Generates both parts into a copy of the workspace, and runs their tests there. Returns the status of the tests.
pub(crate) fn test() -> Result<ExitStatus> {
    let target = workspace::target()?;
    let copy = target.join("generated");
    copy_workspace(&copy)?;
    give_another_version(&copy)?;
    for part in PARTS {
        let arguments = part.split(' ').filter(|word| *word != "new");
        super::write(&copy, &Arguments::try_parse_from(std::iter::once("cargo xtask").chain(arguments))?.part)?;
    }
    let cargo = || {
        let mut cargo = workspace::cargo();
        cargo.current_dir(&copy).env("CARGO_TARGET_DIR", &target).env_remove("CARGO_MANIFEST_DIR");
        cargo
    };
    let architecture = process::run(cargo().args(["test", "--package", "acceptance", "--test", "architecture"]))?;
    if !architecture.success() {
        return Ok(architecture);
    }
    let servers = Servers::start(Whose::Anyones)?;
    let mut suite = cargo();
    suite.args(["test", "--package", "acceptance", "--test", "suite", "--"]).args(TESTS).envs(servers.variables());
    process::run(&mut suite)
}

/// Copies the files that git knows or would add.
fn copy_workspace(copy: &Path) -> Result<()> {
    let root = workspace::root();
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("{} cannot be removed", copy.display()))?;
    }
    let mut list = std::process::Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(&root);
    let files = process::output(&mut list, Duration::from_secs(30))?;
    for file in files.lines().filter(|file| root.join(file).is_file()) {
        let to = copy.join(file);
        fs::create_dir_all(to.parent().unwrap_or(copy))?;
        fs::copy(root.join(file), &to).with_context(|| format!("{file} cannot be copied"))?;
    }
    if copy.join("Cargo.toml").is_file() { Ok(()) } else { bail!("git lists no files in {}", root.display()) }
}

/// Cargo names what it builds by package and version, wherever a workspace lies. Under the same version, a later build
/// of the workspace would take what was built from the copy, and would not see that a file has changed.
fn give_another_version(copy: &Path) -> Result<()> {
    let manifest = copy.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    let Some((before, after)) = text.split_once("\nversion = \"") else { bail!("Cargo.toml has no version") };
    fs::write(&manifest, format!("{before}\nversion = \"0.0.0-generated-from-{after}"))?;
    Ok(())
}
