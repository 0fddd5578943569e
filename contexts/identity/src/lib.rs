//! How every context names a person: the id of a user, and an email address. This is the shared kernel of the contexts.
//!
//! Domains depend on this crate. So it has no I/O and no framework, also not among its dependencies.

mod email;
mod user_id;

pub use email::{Email, EmailError};
pub use user_id::UserId;
