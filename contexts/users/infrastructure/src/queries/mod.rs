//! Queries, which bypass the domain: each file holds a view, its SQL and its handler.

pub(crate) mod export_user;
pub(crate) mod find_token;
pub(crate) mod find_users;
pub(crate) mod get_invitations;
pub mod get_job;
pub(crate) mod get_user;
pub(crate) mod get_users;
pub mod list_users;
