//! Sealing at the edge, opening in a worker: under a content key of the last second, which HPKE seals to the
//! worker's public key (base mode, single shot: RFC 9180, section 6.1).
//!
//! An edge needs only a public key, and can open nothing but its own of the last second in which it sealed. What is
//! sealed is bound to one command, one user and one purpose: moved to another row it does not open. That guards
//! against mix-ups and replay, not against someone who can write the database: they can seal, too.

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
pub use suite::MAX_SECRET;
