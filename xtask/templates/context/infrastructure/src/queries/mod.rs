//! Queries, which bypass the domain: each file holds a view, its SQL and its handler.

pub(crate) mod __query__;
