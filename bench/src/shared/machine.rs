//! The machine that measures, and the versions of what it runs.

use super::cores;
use super::database::Database;
use super::process::output;
use super::setting::Setting;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the figures depend on. A part that cannot be read is `unknown`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    memory: String,
    kernel: String,
    postgres: String,
    rabbitmq: String,
    wrk: String,
    rust: String,
    /// The commit that was measured.
    commit: String,
}

impl Machine {
    pub(crate) fn read(setting: &Setting, root: &Path) -> Self {
        let processor = after("/proc/cpuinfo", "model name\t: ");
        let memory =
            after("/proc/meminfo", "MemTotal:").trim().strip_suffix(" kB").and_then(|it| it.parse::<f64>().ok());
        Self {
            cores: cores(),
            processor,
            memory: memory.map_or_else(unknown, |kilobytes| format!("{:.0} GiB", kilobytes / 1024.0 / 1024.0)),
            kernel: said(Command::new("uname").arg("-r")),
            postgres: Database::version(&setting.database_url).unwrap_or_else(|_| unknown()),
            rabbitmq: rabbitmq(),
            // It prints its version with its usage, and ends with 1.
            wrk: Command::new("wrk").arg("-v").output().map_or_else(|_| unknown(), |it| second_word(&it.stdout)),
            rust: said(Command::new("rustc").arg("--version")),
            commit: said(Command::new("git").current_dir(root).args(["describe", "--always", "--dirty"])),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, memory, kernel, postgres, rabbitmq, wrk, rust, commit } = self;
        write!(
            f,
            "{cores} cores ({processor}), {memory}, Linux {kernel}; PostgreSQL {postgres}, RabbitMQ {rabbitmq}, \
             wrk {wrk}, {rust}; commit {commit}"
        )
    }
}

/// The version of the installed RabbitMQ.
fn rabbitmq() -> String {
    let server = std::env::var_os("TEST_RABBITMQ_SERVER").map(PathBuf::from).unwrap_or_default();
    said(Command::new(server.with_file_name("rabbitmqctl")).arg("version"))
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn second_word(text: &[u8]) -> String {
    String::from_utf8_lossy(text).split_whitespace().nth(1).map_or_else(unknown, str::to_owned)
}

fn said(command: &mut Command) -> String {
    output(command).map_or_else(|_| unknown(), |printed| printed.trim().to_owned())
}

/// The rest of the first line that begins with `start`.
fn after(file: &str, start: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix(start)).map_or_else(unknown, |rest| rest.trim().to_owned())
}
