//! The words every domain speaks: ids, email addresses, time, reasons for refusal, secrets.
//!
//! No I/O and no framework: a domain may depend on this crate, so nothing may come in through it.

mod email;
mod id;
mod reason;
mod sealed;
mod secret;
mod text;
mod time;

pub use email::{Email, EmailError};
pub use id::{MessageId, UserId};
pub use reason::Reason;
pub use sealed::Sealed;
pub use secret::Secret;
pub use text::has_control;
pub use time::Timestamp;

#[doc(hidden)]
pub use uuid;
