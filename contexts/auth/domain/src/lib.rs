//! The domain of the `auth` context: password hashes, the password policy, sessions, roles, and keys.

mod administrators;
mod argon2id;
mod base64;
mod bcrypt;
mod common_passwords;
mod cost;
mod installation_keys;
mod normalization;
mod password_hash;
mod password_policy;
mod role;
mod sequences;
mod service_key;
mod session;

pub use administrators::{Administrators, LastAdministrator};
pub use argon2id::Argon2id;
pub use bcrypt::{Bcrypt, BcryptFormat, Revision};
pub use cost::{BcryptCost, BcryptCostOutOfRange};
pub use installation_keys::{ForeignKeys, InstallationKey, KeyFit, KeyKind, RecordedKey, compare_keys};
pub use normalization::{normalised, spellings};
pub use password_hash::{HashError, PasswordHash};
pub use password_policy::{MinCharsOutOfRange, PasswordFlaw, PasswordPolicy};
pub use role::{Role, UnknownRole};
pub use service_key::{Days, Scope, Scopes, ServiceKeyFlaw, ServiceKeyId, ServiceName};
pub use session::{LONGEST_GRACE, MOST_SESSIONS, RefreshDecision, Session, SessionId, SessionLife, ShownToken};
