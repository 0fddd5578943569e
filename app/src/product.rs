//! The names of this product. A product of another name changes them here, in the name of the binary
//! (`app/Cargo.toml`) and in the prefix of its settings (`settings/names.rs`).

use sealing::Labels;

/// The name that people read.
pub const TITLE: &str = "Roster";
/// The name that machines read: the command, the first part of the names of queues, the realm of challenges (RFC 9110,
/// section 11.5), the name of connections to PostgreSQL, and the channel of `NOTIFY`.
pub const NAME: &str = "roster";
/// The first sentence of the front page.
pub(crate) const ABOUT: &str = "User accounts behind a REST API.";
/// The labels of what is sealed. They MUST stay when the product is renamed: sealed passwords in the ledger and in
/// backups open only under their labels.
pub const LABELS: Labels = Labels { content_key: b"roster/content-key/v1", secret: b"roster/password/v1" };
