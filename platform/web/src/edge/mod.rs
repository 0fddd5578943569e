//! The middleware around all routes, and what it learns of a request.

pub(crate) mod client;
pub(crate) mod cors;
pub(crate) mod deadline;
pub(crate) mod host;
pub(crate) mod middleware;
pub(crate) mod proxies;
pub(crate) mod request_tasks;
pub(crate) mod trace;
