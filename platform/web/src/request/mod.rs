//! Extractors: what a handler reads of a request.

pub(crate) mod bearer;
pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod fields;
pub(crate) mod idempotency;
pub(crate) mod if_match;
pub(crate) mod json;
pub(crate) mod language;
pub(crate) mod path_id;
pub(crate) mod prefer;
pub(crate) mod query;
pub(crate) mod request_body;
pub(crate) mod upload;
