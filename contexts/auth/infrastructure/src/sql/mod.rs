//! The ports of this context in SQL, and its unit of work.

pub(crate) mod accounts;
pub(crate) mod administration;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod devices;
pub(crate) mod factors;
pub mod key_record;
pub(crate) mod passkeys;
pub(crate) mod reset_tokens;
pub(crate) mod service_keys;
pub(crate) mod sessions;
pub(crate) mod tidy;
pub(crate) mod unit_of_work;
