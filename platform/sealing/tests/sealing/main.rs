//! A sealed value opens for its purpose and for nothing else, and an installation has one set of keys.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod key_file;
mod keys;
mod seal;

/// The labels of the released version, under which its envelope was sealed.
const LABELS: sealing::Labels =
    sealing::Labels { content_key: b"roster/content-key/v1", secret: b"roster/password/v1" };
