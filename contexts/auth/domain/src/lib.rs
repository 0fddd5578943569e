//! Auth: credentials and the rules of passwords.

mod argon2id;
mod base64;
mod bcrypt;
mod common_passwords;
mod cost;
mod password_hash;
mod password_policy;
mod runs;

pub use argon2id::Argon2id;
pub use bcrypt::{Bcrypt, Form, Revision};
pub use cost::{Cost, CostOutOfRange};
pub use password_hash::{HashError, PasswordHash};
pub use password_policy::{MinCharsOutOfRange, PasswordFlaw, PasswordPolicy};
