//! Queries, which bypass the domain: each file holds a view, its SQL and its handler.

mod find_users;
pub(crate) mod get_user;
pub(crate) mod get_users;
