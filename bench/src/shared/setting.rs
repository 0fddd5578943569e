//! How this run measures, and with which programs.

use anyhow::Result;
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) struct Setting {
    /// How often each contestant has its turn.
    pub(crate) rounds: usize,
    /// How long one turn lasts.
    pub(crate) seconds: u64,
    pub(crate) database_url: String,
    pub(crate) amqp_url: String,
    /// The directory of `roster` and `bench-reference`.
    pub(crate) binaries: PathBuf,
    /// The Python of the origin's stack. Without it, the comparisons leave the stack out.
    pub(crate) python: Option<PathBuf>,
    /// The directory of the origin's stack.
    pub(crate) origin: PathBuf,
}

impl Setting {
    /// The path of a program of PostgreSQL.
    pub(crate) fn postgres_program(name: &str) -> OsString {
        let directory = std::env::var_os("TEST_POSTGRES_BIN").map(PathBuf::from);
        directory.map(|directory| directory.join(name)).filter(|path| path.exists()).map_or(name.into(), Into::into)
    }

    /// Calls a function once for each round.
    pub(crate) fn each_round(&self, mut turn: impl FnMut() -> Result<()>) -> Result<()> {
        for round in 1..=self.rounds {
            println!("round {round} of {}", self.rounds);
            turn()?;
        }
        Ok(())
    }
}
