//! `cargo xtask alone`: checks each crate with its own features only.
//!
//! A build of the whole workspace unites the features that its crates enable in a dependency. This hides a crate that
//! uses a feature without enabling it.

use anyhow::{Result, bail};

use crate::{process, workspace};

/// Checks every crate of the workspace by itself, and lists those that fail.
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
        bail!("these crates do not build alone: {}", failed.join(", "));
    }
    Ok(())
}
