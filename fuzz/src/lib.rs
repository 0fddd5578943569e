//! Fuzz targets: each takes any bytes, hands them to one reader of what comes from outside, and panics when
//! something does not hold of the answer.
//!
//! The tests beside it run every file of `corpus/` and many changes of them. `README.md` says how to run the
//! same functions under libFuzzer or AFL.
#![expect(clippy::expect_used, reason = "a target panics where something does not hold")]

mod access_token;
mod cursor;
mod email;
mod message;
mod password_hash;

pub use access_token::{access_token, genuine};
pub use cursor::cursor;
pub use email::email;
pub use message::message;
pub use password_hash::password_hash;

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by the name of their folder in `corpus/`.
pub const TARGETS: [(&str, Target); 5] = [
    ("access_token", access_token),
    ("cursor", cursor),
    ("email", email),
    ("message", message),
    ("password_hash", password_hash),
];
