//! Queries, which bypass the domain: each file holds a view, its SQL and its handler.

pub(crate) mod export_mails;
pub mod get_mails;
pub(crate) mod mailbox;
