//! `cargo xtask new`: writes a bounded context, or a command of one, that builds and passes its tests.
//!
//! The texts stand in `xtask/templates`. What a new part needs outside of its own files, such as a row in a table of the
//! tests, is inserted into files that are there.

mod command;
mod context;
pub(crate) mod generated;
mod insert;
mod names;
mod template;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{process, workspace};

#[derive(clap::Subcommand)]
pub(crate) enum New {
    /// Write a bounded context with one command, one query and, if asked, one reaction to an event
    Context(context::Options),
    /// Write a command of a context that changes what its storage already holds
    Command(command::Options),
}

/// Writes the part, formats the code, and prints what to do next.
pub(crate) fn run(part: &New) -> Result<()> {
    let root = workspace::root();
    let written = write(&root, part)?;
    for file in &written.files {
        println!("wrote {}", file.strip_prefix(&root).unwrap_or(file).display());
    }
    println!("\nTest it:    cargo xtask test -- -p acceptance --test suite {}", written.test);
    println!("Then write: grep -rn TODO-AUTHOR {}", written.folder);
    Ok(())
}

/// Writes the part into the workspace in this folder, and formats its Rust files.
fn write(root: &Path, part: &New) -> Result<Written> {
    let written = match part {
        New::Context(options) => context::write(root, options)?,
        New::Command(options) => command::write(root, options)?,
    };
    // Not `cargo fmt`: it does not find modules that a macro declares.
    let is_rust = |file: &&PathBuf| file.extension().is_some_and(|it| it == "rs");
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--config-path"]).arg(root).args(written.files.iter().filter(is_rust));
    if !process::run(rustfmt.current_dir(root))?.success() {
        bail!("rustfmt has failed: the files are written, see its message");
    }
    Ok(written)
}

/// What was written.
struct Written {
    files: Vec<PathBuf>,
    /// The module of the tests.
    test: String,
    /// The folder with the lines that only the author can write.
    folder: String,
}

impl Written {
    fn new(test: &str, folder: String) -> Self {
        Self { files: Vec::new(), test: test.to_owned(), folder }
    }

    /// Creates a file. It never replaces one.
    fn create(&mut self, file: PathBuf, text: &str) -> Result<()> {
        if file.exists() {
            bail!("{} exists already: choose another name", file.display());
        }
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        }
        std::fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
        self.files.push(file);
        Ok(())
    }

    /// Changes a file that is there.
    fn change(&mut self, file: PathBuf, change: impl FnOnce(String) -> Result<String>) -> Result<()> {
        let text = read(&file)?;
        let changed = change(text).with_context(|| format!("{} has another form than expected", file.display()))?;
        std::fs::write(&file, changed).with_context(|| format!("{} cannot be written", file.display()))?;
        if !self.files.contains(&file) {
            self.files.push(file);
        }
        Ok(())
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}
