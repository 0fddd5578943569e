//! Requests that become commands, and what clients see of commands and of what they change.

pub(crate) mod callers;
pub(crate) mod command_request;
pub(crate) mod command_view;
pub(crate) mod commands;
pub(crate) mod get_command;
pub(crate) mod ledger_export;
pub(crate) mod resource_links;
pub(crate) mod sender;
pub(crate) mod view;
