//! The words every domain speaks: ids, email addresses, time, where a request came from, reasons for refusal, secrets.
//!
//! No I/O and no framework: a domain may depend on this crate, so nothing may come in through it.

mod client;
mod email;
mod id;
mod reason;
mod sealed;
mod secret;
mod text;
mod time;

pub use client::RequestOrigin;
pub use email::{Email, EmailError};
pub use id::{InvalidId, MessageId, UserId};
pub use reason::DomainError;
pub use sealed::Sealed;
pub use secret::Secret;
pub use text::{find_invisible, has_control, has_visible, is_blank, is_ignorable, trim};
pub use time::Timestamp;

#[doc(hidden)]
pub use uuid;
