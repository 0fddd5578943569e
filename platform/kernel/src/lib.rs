//! The types that all domains share: ids, texts, time, the origin of a request, domain errors, secrets.
//!
//! Domains depend on this crate. So it has no I/O and no framework, also not among its dependencies.

mod client;
mod id;
mod reason;
mod sealed;
mod secret;
mod text;
mod text_type;
mod time;

pub use client::RequestOrigin;
pub use id::{InvalidId, MessageId};
pub use reason::DomainError;
pub use sealed::Sealed;
pub use secret::Secret;
pub use text::{find_invisible, has_control, has_visible, is_blank, is_ignorable, trim};
pub use text_type::{TextError, checked_text};
pub use time::Timestamp;

#[doc(hidden)]
pub use uuid;
