//! Requests that become commands, and the view of a command.

pub(crate) mod callers;
pub(crate) mod command_request;
pub(crate) mod command_view;
pub(crate) mod commands;
pub(crate) mod get_command;
pub(crate) mod ledger_export;
pub(crate) mod resource_links;
pub(crate) mod sender;
