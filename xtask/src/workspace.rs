//! The workspace's paths and crates, and the binary `roster` that cargo builds.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
    Path::new(&manifest).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The cargo that started this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The target directory.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata()?;
    let target = metadata["target_directory"].as_str().context("`cargo metadata` names no target directory")?;
    Ok(PathBuf::from(target))
}

/// The names of the workspace's crates.
pub(crate) fn packages() -> Result<Vec<String>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().context("`cargo metadata` names no packages")?;
    Ok(packages.iter().filter_map(|package| package["name"].as_str().map(str::to_owned)).collect())
}

fn metadata() -> Result<Value> {
    let mut ask = cargo();
    ask.args(["metadata", "--no-deps", "--format-version", "1"]);
    Ok(serde_json::from_str(&process::output(&mut ask, Duration::from_secs(60))?)?)
}

/// Builds the binary `roster` and returns its path.
pub(crate) fn build_roster(options: &[&str]) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--package", "roster", "--message-format", "json-render-diagnostics"]).args(options);
    let messages = process::output(&mut build, Duration::from_secs(3600))?;
    for message in messages.lines() {
        let message: Value = serde_json::from_str(message)?;
        if let (Some("roster"), Some(path)) = (message["target"]["name"].as_str(), message["executable"].as_str()) {
            return Ok(PathBuf::from(path));
        }
    }
    bail!("`cargo build --package roster` reported no binary")
}
