//! Executing messages: claims, leases, handlers, outcomes, and the sweep.

pub(crate) mod claim;
pub(crate) mod consent;
pub(crate) mod erase;
pub(crate) mod message_handlers;
pub(crate) mod message_routing;
pub(crate) mod outcome;
pub(crate) mod post;
pub(crate) mod sweep;
pub(crate) mod work;
pub(crate) mod worker_pool;
