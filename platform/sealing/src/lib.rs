//! Sealing secrets at the edge, and opening them in a worker. A secret is sealed under a content key, which is used
//! for one second. HPKE seals the content key to the worker's public key (base mode, single shot: RFC 9180, section
//! 6.1).
//!
//! The edge needs only a public key. It could open only its own secrets of the last second in which it sealed. A
//! sealed secret is bound to one command, one subject and one purpose, so it does not open in another row. That guards
//! against mix-ups and replay. It does not guard against an attacker who can write the database, because that
//! attacker can seal, too.

mod binding;
mod content_key;
mod file;
mod key_file;
mod keys;
mod open;
mod seal;
mod suite;

pub use binding::Binding;
pub use key_file::{FileVersion, KeyFile};
pub use keys::{Keys, KeysError, SealingKey};
pub use open::{Opener, UnsealError};
pub use private_files::Exposure;
pub use seal::{SealError, Sealer};
pub use suite::{Labels, MAX_SECRET};
