//! A sealed value opens for its purpose and for nothing else, and an installation has one set of keys.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod key_file;
mod keys;
mod seal;
