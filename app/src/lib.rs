//! The composition root: settings, wiring, the command line.

mod arguments;
pub mod check;
pub mod cli;
mod commands;
pub mod compose;
mod errand;
mod first_administrator;
mod installation;
mod key_watch;
mod keys;
mod logging;
mod lossy_writer;
mod output;
pub mod problems;
mod prompt;
mod readiness;
mod registrar;
pub mod serve;
mod service_keys;
pub mod settings;
mod standing;
mod users;
