//! The composition root: reads the settings, wires the adapters, and runs the command line.

mod activation;
mod arguments;
pub mod check;
pub mod cli;
mod commands;
pub mod compose;
pub mod contexts;
mod first_administrator;
mod installation;
mod key_watch;
mod keys;
mod logging;
mod lossy_writer;
mod message_node;
mod operator_command;
mod operator_commands;
mod output;
pub mod problems;
pub mod product;
mod prompt;
mod readiness;
pub mod schema;
pub mod serve;
mod service_keys;
pub mod settings;
mod users;
