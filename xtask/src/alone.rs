//! `cargo xtask alone`: each crate with its own features only.
//!
//! Building the workspace unites the features that its crates ask of a dependency, which hides that one of them forgot
//! to ask.

use anyhow::{Result, bail};

use crate::{process, workspace};

/// Checks every crate of the workspace by itself, and names all that fail.
pub(crate) fn run() -> Result<()> {
    let mut failed = Vec::new();
    for package in workspace::packages()? {
        println!("{package}");
        let status = process::run(workspace::cargo().args(["check", "--quiet", "--package", &package]))?;
        if !status.success() {
            failed.push(package);
        }
    }
    if !failed.is_empty() {
        bail!("these do not build alone: {}", failed.join(", "));
    }
    Ok(())
}
