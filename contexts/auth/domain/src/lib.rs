//! Auth: credentials and the rules of passwords.

mod common_passwords;
mod password_hash;
mod password_policy;
mod runs;

pub use password_hash::{BcryptSha256, Cost, CostOutOfRange, HashError, PasswordHash};
pub use password_policy::{MinCharsOutOfRange, PasswordFlaw, PasswordPolicy};
