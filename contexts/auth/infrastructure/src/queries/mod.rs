//! Queries, which bypass the domain.

mod ahead;
pub(crate) mod check_refresh_token;
pub(crate) mod check_session;
pub(crate) mod export_account;
pub mod get_accounts;
pub(crate) mod get_audit_events;
pub(crate) mod get_factors;
pub(crate) mod get_passkeys;
pub mod get_service_keys;
pub(crate) mod get_sessions;

pub use ahead::ahead_of_the_clock;

/// The SQL condition that a session is live. One that was opened over a minute from now was written while the clock was
/// ahead. It counts as expired, because it would last too long.
const IS_LIVE: &str = "ended_at is null and opened_at < {clock} + {1 min} and expires_at > {clock}";
