//! Fuzz targets. Each passes any bytes to one reader of input from outside, and panics if a property does not hold.
//!
//! The tests of this crate run every file of `corpus/` and many changes of them. `README.md` explains how to run the
//! functions under libFuzzer or AFL.
#![expect(clippy::expect_used, reason = "a target panics if a property does not hold")]

mod access_token;
mod cursor;
mod email;
mod message;
mod passkey;
mod password_hash;

pub use access_token::{access_token, genuine};
pub use cursor::cursor;
pub use email::email;
pub use message::message;
pub use passkey::{assertion, attestation_object};
pub use password_hash::password_hash;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All targets, each with the name of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 7] = [
    ("access_token", access_token),
    ("assertion", assertion),
    ("attestation_object", attestation_object),
    ("cursor", cursor),
    ("email", email),
    ("message", message),
    ("password_hash", password_hash),
];
