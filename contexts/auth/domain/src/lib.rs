//! Auth: credentials and the rules of passwords; sessions, roles, keys of other services.

mod common_passwords;
mod password_hash;
mod password_policy;
mod role;
mod runs;
mod service_key;
mod session;

pub use password_hash::{BcryptSha256, Cost, CostOutOfRange, HashError, PasswordHash};
pub use password_policy::{MinCharsOutOfRange, PasswordFlaw, PasswordPolicy};
pub use role::{LastAdministrator, Role, UnknownRole};
pub use service_key::{Days, Scope, Scopes, ServiceKeyFlaw, ServiceKeyId, ServiceName};
pub use session::{Refresh, Session, SessionId, SessionLife};
