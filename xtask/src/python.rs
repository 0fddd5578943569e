//! Virtual environments of Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::servers::{Place, packages};

/// The Python of a virtual environment with these requirements, below the directory `tools`. It is created once for
/// each list of requirements.
pub(crate) fn environment(name: &str, requirements: &str, tools: &Path, place: &Place) -> Result<PathBuf> {
    let directory = tools.join(name);
    let (python, made) = (directory.join("bin/python"), directory.join("requirements.txt"));
    if fs::read_to_string(&made).is_ok_and(|made| made == requirements) {
        return Ok(python);
    }
    let make = || process::must(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory));
    if let Err(error) = make() {
        if !packages::can_install() {
            return Err(error.context(format!("{name} needs Python 3.11 with venv")));
        }
        packages::install(&["python3", "python3-venv"], place)?;
        make()?;
    }
    let list = place.path().join(format!("{name}.txt"));
    fs::write(&list, requirements)?;
    process::must(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&list))?;
    fs::copy(&list, &made)?;
    Ok(python)
}
