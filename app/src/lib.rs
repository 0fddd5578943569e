//! The composition root: settings, wiring, the command line.

pub mod check;
pub mod cli;
mod commands;
pub mod compose;
mod logging;
mod output;
pub mod serve;
pub mod settings;
